/** What a JavaScript client asks of sources and targets besides an address, with a real node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import rhea from 'rhea';
import { eventually } from '../support/eventually.js';
import { connect as connectStomp, Inbox as StompInbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { connect, connectToAny, once, type RheaClient, send } from './rhea-client.js';

const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };

async function sendColors(client: RheaClient, address: string): Promise<void> {
  const sender = await client.sender(address);
  for (const [index, color] of ['red', 'blue', 'red', 'green'].entries()) {
    const application_properties = { color, price: 5 * (index + 1) };
    await send(sender, { body: `${color} ${index}`, application_properties });
  }
}

test('selectors choose by properties, of STOMP senders too', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const client = await connect(t, live);
  await sendColors(client, 'colors');
  const stomp = await connectStomp(live.address);
  const headers = { color: 'red' };
  await stomp.send({ destination: '/queue/colors', body: 'by STOMP', headers, isText: true });
  const red = await client.inbox({
    source: { address: 'colors', filter: rhea.filter.selector("color = 'red'") },
    autoaccept: true,
  });
  await eventually('the red ones come', () => red.bodies.length === 3);
  assert.deepEqual(red.bodies, ['red 0', 'red 2', 'by STOMP']);
  const dear = await StompInbox.open(stomp, '/queue/colors', 'auto', { selector: 'price > 15' });
  await eventually('the dear one comes', () => dear.texts.length === 1);
  assert.deepEqual(dear.texts, ['green 3']);
  await stomp.disconnect();
});

test('a browser sees what is there, takes nothing, and goes on after a takeover', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const client = await connectToAny(t, [live, backup]);
  await sendColors(client, 'colors');
  const source = { address: 'colors', distribution_mode: 'copy' } as const;
  const browser = await client.inbox({ source });
  await eventually('all are seen', () => browser.bodies.length === 4);
  await live.kill();
  await once(client.connection, 'connection_open');
  await eventually('all are seen again', () => browser.bodies.length === 8);
  assert.deepEqual(browser.bodies.slice(0, 4), browser.bodies.slice(4));
  const consumer = await client.inbox({ source: 'colors', autoaccept: true });
  await eventually('all are taken', () => consumer.bodies.length === 4);
});

test('answers come to a dynamic source, and those that are late are refused', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const asking = await connect(t, live);
  const answering = await connect(t, live);
  const inbox = await asking.inbox({ source: { address: '', dynamic: true } });
  const address = inbox.receiver.source.address;
  await send(await asking.sender('questions'), { body: 'what', reply_to: address });
  const questions = await answering.inbox({ source: 'questions', autoaccept: true });
  const [question] = await questions.atLeast(1);
  // One sender for all answers: each says where it goes.
  const relay = await answering.sender({ target: {} });
  await send(relay, { to: question?.message.reply_to ?? '', body: 'that' });
  await inbox.atLeast(1);
  assert.deepEqual(inbox.bodies, ['that']);
  inbox.receiver.close();
  await once(inbox.receiver, 'receiver_close');
  await assert.rejects(send(relay, { to: address, body: 'late' }), /rejected.*not-found/s);
});
