/**
 * Sends an order every second with STOMP, and prints those that come. When the node dies it goes on
 * with the other one, and sends again what was not confirmed.
 *
 *     node stomp.js [HOST:PORT ...]
 */
import { Client } from '@stomp/stompjs';
import { INTERVAL_MS, takeTurns } from './options.js';
import { TcpSocket } from './tcp-socket.js';

const QUEUE = '/queue/stomp.orders';
const nextAddress = takeTurns(61613, 61614);
const unconfirmed = new Set();
let number = 0;

const client = new Client({
  webSocketFactory: () => new TcpSocket(nextAddress()),
  reconnectDelay: 100,
  heartbeatIncoming: 5_000,
  heartbeatOutgoing: 5_000,
  onConnect: (frame) => {
    console.log(`connected to ${frame.headers.server}`);
    client.subscribe(QUEUE, receive, { ack: 'client-individual' });
    for (const order of unconfirmed) send(order);
  },
  onStompError: (frame) => console.error(frame.headers.message),
});

function receive(message) {
  console.log(`received ${message.body}`);
  message.ack();
}

function send(order) {
  client.watchForReceipt(order, () => {
    unconfirmed.delete(order);
    console.log(`confirmed ${order}`);
  });
  client.publish({ destination: QUEUE, body: order, headers: { receipt: order } });
  console.log(`sent ${order}`);
}

client.activate();
setInterval(() => {
  number += 1;
  const order = `order ${number}`;
  unconfirmed.add(order);
  if (client.connected) send(order);
}, INTERVAL_MS);
