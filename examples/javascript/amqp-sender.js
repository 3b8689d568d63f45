/**
 * Sends an order every second with AMQP 1.0. When the node dies it goes on with the other one, and
 * sends again what was not confirmed: such an order may come twice, and none is lost.
 *
 *     node amqp-sender.js [HOST:PORT ...]
 */
import rhea from 'rhea';
import { INTERVAL_MS, takeTurns } from './options.js';

const connection = rhea.create_container().connect({
  connection_details: takeTurns(5672, 5673),
  initial_reconnect_delay: 100,
  max_reconnect_delay: 1_000,
});
const sender = connection.open_sender('javascript.orders');

let number = 0;
let waiting = [];
/** Sent and not confirmed, by delivery. */
const underWay = new Map();

function sendWaiting() {
  while (waiting.length > 0 && connection.is_open() && sender.sendable()) {
    const order = waiting.shift();
    // A message that is not durable would be gone with its node.
    underWay.set(sender.send({ body: order, durable: true }), order);
    console.log(`sent ${order}`);
  }
}

sender.on('sendable', sendWaiting);
sender.on('accepted', ({ delivery }) => {
  console.log(`confirmed ${underWay.get(delivery)}`);
  underWay.delete(delivery);
});
sender.on('rejected', ({ delivery }) => {
  console.log(`refused ${underWay.get(delivery)}: ${delivery.remote_state.error?.description}`);
  underWay.delete(delivery);
});
connection.on('connection_open', ({ connection: { container_id: node } }) => {
  console.log(`connected to ${node}`);
});
connection.on('disconnected', () => {
  waiting = [...underWay.values(), ...waiting];
  underWay.clear();
});
setInterval(() => {
  number += 1;
  waiting.push(`order ${number}`);
  sendWaiting();
}, INTERVAL_MS);
