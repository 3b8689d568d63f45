/** What a JavaScript client sees of the settings of addresses, with real nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sender } from 'rhea';
import { eventually } from '../support/eventually.js';
import { TestStore } from '../support/test-store.js';
import { connect, connectToAny, once, type RheaClient, send } from './rhea-client.js';

const RULES = {
  'orders.>': { deadLetterAddress: 'dead orders', expiryAddress: 'late orders' },
  'orders.small': { maxMessages: 2, whenFull: 'reject' },
  samples: { maxMessages: 2, whenFull: 'drop' },
  steps: { maxMessages: 2 },
};
const SETTINGS = {
  HOLDFAST_AMQP_LISTEN: '127.0.0.1:0',
  HOLDFAST_AMQP_LINK_CREDIT: '4',
  HOLDFAST_ADDRESSES: JSON.stringify(RULES),
};

/** What a browser sees of a queue before it has nothing more. */
async function contentOf(client: RheaClient, address: string): Promise<unknown[]> {
  const source = { address, distribution_mode: 'copy' as const };
  const browser = await client.inbox({ source, credit_window: 0 });
  browser.receiver.add_credit(100);
  browser.receiver.drain_credit();
  await once(browser.receiver, 'receiver_drained');
  browser.receiver.close();
  return browser.bodies;
}

async function rejection(sender: Sender, body: string): Promise<string> {
  return send(sender, { body }).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

test('a full queue rejects or drops what comes, and holds back whom it is to, after a takeover too', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const client = await connectToAny(t, [live, backup]);
  const small = await client.sender('orders.small');
  const samples = await client.sender('samples');
  for (const body of ['1', '2']) {
    await send(small, { body });
    await send(samples, { body });
  }
  const check = async (): Promise<void> => {
    assert.equal(await rejection(small, '3'), 'rejected: amqp:resource-limit-exceeded');
    for (const body of ['3', '4']) await send(samples, { body });
    assert.deepEqual(await contentOf(client, 'samples'), ['1', '2']);
    assert.deepEqual(await contentOf(client, 'orders.small'), ['1', '2']);
  };
  await check();
  await live.kill();
  await once(client.connection, 'connection_open');
  await check();
  const steps = await (await connect(t, backup)).sender('steps');
  for (const body of ['1', '2', '3']) await send(steps, { body });
  // What has credit is still taken; then there is no more.
  while (steps.sendable()) await send(steps, { body: 'with credit' });
  const inbox = await client.inbox({ source: 'steps', autoaccept: true });
  await eventually('there is credit again', () => steps.sendable());
  await send(steps, { body: 'last' });
  await eventually('all come', () => inbox.bodies.at(-1) === 'last');
});

test('expired and rejected messages say where they come from and why', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const live = await store.startLive('a');
  const client = await connect(t, live);
  const sender = await client.sender('orders.eu');
  const before = Date.now();
  await send(sender, { body: 'short', ttl: 1, message_annotations: { 'x-opt-mine': 'kept' } });
  const late = await client.inbox({ source: 'late orders', autoaccept: true });
  const [expired] = await late.atLeast(1);
  const annotations = expired?.message.message_annotations ?? {};
  assert.equal(expired?.message.body, 'short');
  assert.equal(annotations['x-opt-mine'], 'kept');
  assert.equal(annotations['x-opt-ORIG-ADDRESS'], 'queue://orders.eu');
  assert.match(annotations['x-opt-dlq-delivery-failure-cause'], /expired/);
  assert.ok(annotations['x-opt-ACTUAL-EXPIRY'] >= before);
  await send(sender, { body: 'poison' });
  const inbox = await client.inbox('orders.eu');
  const [poison] = await inbox.atLeast(1);
  poison?.context.delivery?.reject({ condition: 'app:no', description: 'not this one' });
  const dead = await client.inbox({ source: 'dead orders', autoaccept: true });
  const [letter] = await dead.atLeast(1);
  assert.equal(letter?.message.body, 'poison');
  assert.equal(letter?.message.message_annotations?.['x-opt-ORIG-ADDRESS'], 'queue://orders.eu');
});
