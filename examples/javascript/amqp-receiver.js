/**
 * Prints the orders of amqp-sender.js. An order that was printed and not yet accepted when the node
 * dies comes again, from the other node.
 *
 *     node amqp-receiver.js [HOST:PORT ...]
 */
import rhea from 'rhea';
import { takeTurns } from './options.js';

const connection = rhea.create_container().connect({
  connection_details: takeTurns(5672, 5673),
  initial_reconnect_delay: 100,
  max_reconnect_delay: 1_000,
});
const receiver = connection.open_receiver({ source: 'javascript.orders', autoaccept: false });
receiver.on('message', ({ message, delivery }) => {
  console.log(`received ${message.body}`);
  delivery.accept();
});
connection.on('connection_open', ({ connection: { container_id: node } }) => {
  console.log(`connected to ${node}`);
});
// A lost connection is not an error here: the next attempt goes to the other node.
connection.on('disconnected', () => {});
