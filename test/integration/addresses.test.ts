/** Settings of addresses, with real nodes and STOMP clients, before and after a takeover. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StompClient } from '../../src/client/stomp-client.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { RawClient } from '../support/raw-client.js';
import { connect, Inbox, isRefusal } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const RULES = {
  'orders.>': { deadLetterAddress: 'dead orders', expiryAddress: 'late orders', maxDeliveries: 2 },
  'orders.small': { maxMessages: 2, whenFull: 'reject' },
  samples: { maxMessages: 2, whenFull: 'drop' },
  steps: { maxMessages: 2, whenFull: 'block' },
  noise: { deadLetterAddress: '', maxDeliveries: 1 },
  patient: { redeliveryDelayMs: 300, redeliveryDelayMultiplier: 2 },
};
const SETTINGS = { HOLDFAST_ADDRESSES: JSON.stringify(RULES) };

async function connectTo(t: TestContext, node: NodeProcess): Promise<StompClient> {
  const client = await connect(node.address);
  atEnd(t, () => client.destroy());
  return client;
}

async function sendAll(client: StompClient, destination: string, bodies: string[]): Promise<void> {
  await Promise.all(bodies.map((body) => client.send({ destination, body })));
}

/** All that the queue holds, in order. */
async function contentOf(t: TestContext, node: NodeProcess, destination: string) {
  const client = await connectTo(t, node);
  const inbox = await Inbox.open(client, destination, 'client', { browser: 'true' });
  const isEnd = () => inbox.messages.at(-1)?.header('browser') === 'end';
  await eventually(`all of ${destination} is seen`, isEnd);
  return inbox.texts.slice(0, -1);
}

/** What a full queue does, at the node that is live now. */
async function checkFullQueues(t: TestContext, node: NodeProcess): Promise<void> {
  const client = await connectTo(t, node);
  await assert.rejects(
    client.send({ destination: '/queue/orders.small', body: '3' }),
    (error) => isRefusal(error) && /"orders.small" is full/.test(String(error)),
  );
  assert.deepEqual(await contentOf(t, node, '/queue/orders.small'), ['1', '2']);
  const transacted = await connectTo(t, node);
  transacted.begin('t');
  transacted.send({ destination: '/queue/mail', body: 'with it', transaction: 't' }).catch(() => 0);
  transacted
    .send({ destination: '/queue/orders.small', body: '3', transaction: 't' })
    .catch(() => 0);
  await assert.rejects(transacted.commit('t'), isRefusal);
  assert.deepEqual(await contentOf(t, node, '/queue/mail'), []);
  const dropping = await connectTo(t, node);
  await sendAll(dropping, '/queue/samples', ['3', '4']);
  assert.deepEqual(await contentOf(t, node, '/queue/samples'), ['1', '2']);
  const told = await node.untilEvent('message-dropped');
  assert.deepEqual([told.level, told.name, told.cause], ['warn', 'samples', 'full']);
}

test('a full queue blocks, drops or rejects as is set for it, and so after a takeover', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const client = await connectTo(t, live);
  await sendAll(client, '/queue/orders.small', ['1', '2']);
  await sendAll(client, '/queue/samples', ['1', '2']);
  await checkFullQueues(t, live);
  const held = await connectTo(t, live);
  await sendAll(held, '/queue/steps', ['1', '2', '3']);
  let isTaken = false;
  const next = held.send({ destination: '/queue/mail', body: 'behind it' }).then(() => {
    isTaken = true;
  });
  assert.deepEqual(await contentOf(t, live, '/queue/steps'), ['1', '2', '3']);
  assert.equal(isTaken, false, 'the producer of a full queue is held back');
  const consumer = await connectTo(t, live);
  const steps = await Inbox.open(consumer, '/queue/steps', 'auto');
  await next;
  assert.deepEqual(steps.texts, ['1', '2', '3']);
  const mail = await Inbox.open(await connectTo(t, live), '/queue/mail', 'auto');
  await mail.atLeast(1);
  await live.kill();
  await backup.untilRole('live');
  await checkFullQueues(t, backup);
});

test('failed and expired messages go where their address sends them, also from the next node', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const client = await connectTo(t, live);
  await client.send({ destination: '/queue/orders.eu', body: 'poison' });
  await client.send({ destination: '/queue/noise', body: 'dropped' });
  const expires = String(Date.now() + 100);
  await client.send({ destination: '/topic/orders.us', body: 'nobody', headers: { expires } });
  await client.send({ destination: '/queue/orders.uk', body: 'expired', headers: { expires } });
  const noise = await Inbox.open(client, '/queue/noise', 'client-individual');
  client.reject((await noise.atLeast(1))[0] as never);
  const told = await live.untilEvent('message-dropped');
  assert.deepEqual([told.name, told.cause], ['noise', 'failed']);
  const inbox = await Inbox.open(client, '/queue/orders.eu', 'client-individual');
  client.reject((await inbox.atLeast(1))[0] as never);
  await inbox.atLeast(2);
  const late = await Inbox.open(client, '/queue/late orders', 'client-individual');
  const [expired] = await late.atLeast(1);
  assert.equal(expired?.header('original-destination'), '/queue/orders.uk');
  assert.equal(expired?.header('original-expires'), expires);
  assert.equal(expired?.header('expires'), undefined);
  // A send that comes after the failure is confirmed after it is on stable storage.
  await client.send({ destination: '/queue/orders.eu', body: 'behind it' });
  await live.kill();
  await backup.untilRole('live');
  const next = await connectTo(t, backup);
  const again = await Inbox.open(next, '/queue/orders.eu', 'client-individual');
  const [poison] = await again.atLeast(1);
  assert.equal(poison?.text(), 'poison');
  next.reject(poison as never);
  const dead = await Inbox.open(next, '/queue/dead orders', 'client-individual');
  const [letter] = await dead.atLeast(1);
  assert.equal(letter?.text(), 'poison');
  assert.equal(letter?.header('original-destination'), '/queue/orders.eu');
  assert.equal(letter?.header('original-delivery-count'), '2');
  assert.deepEqual(await contentOf(t, backup, '/queue/late orders'), ['expired']);
});

test('a message that failed waits while others go on, and comes again', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const live = await store.startLive('a');
  const client = await connectTo(t, live);
  await sendAll(client, '/queue/patient', ['fails', 'fine']);
  const inbox = await Inbox.open(client, '/queue/patient', 'client-individual', {
    'prefetch-count': '1',
  });
  for (const [index, body] of ['fails', 'fine', 'fails', 'fails'].entries()) {
    const message = (await inbox.atLeast(index + 1))[index];
    assert.equal(message?.text(), body);
    if (body === 'fine') client.acknowledge(message as never);
    else client.reject(message as never);
  }
});

test('rules in the file are checked at the start, with the line', async (t) => {
  const store = await TestStore.make(t);
  const file = join(store.layout.journalDirectory, '..', '..', 'holdfast.yaml');
  await writeFile(file, 'addresses:\n  orders.>:\n    whenFul: drop\n');
  const node = store.start('a', { HOLDFAST_CONFIG: file });
  assert.equal((await node.end()).code, 2);
  assert.match(
    node.otherOutput.join('\n') + JSON.stringify(node.log),
    /Unknown key whenFul of addresses\.orders\.> in .*holdfast\.yaml, line 3; did you mean whenFull\?/,
  );
});

test('a producer that is gone while a full queue holds it back leaves its connection to others', async (t) => {
  const store = await TestStore.make(t, { ...SETTINGS, HOLDFAST_STOMP_MAX_CONNECTIONS: '3' });
  const live = await store.startLive('a');
  for (let producers = 1; producers <= 3; producers += 1) {
    const producer = await RawClient.connect(live.address);
    const send = (body: number) => `SEND\ndestination:/queue/steps\nreceipt:${body}\n\n${body}\0`;
    producer.write([1, 2, 3].map(send).join(''));
    await producer.receives('receipt-id:1');
    producer.socket.end(send(4));
  }
  const consumer = await eventually('a consumer is served', () =>
    connect(live.address).catch(() => null),
  );
  atEnd(t, () => consumer.destroy());
  const inbox = await Inbox.open(consumer, '/queue/steps', 'auto');
  await eventually('nothing that they sent is lost', () => inbox.texts.length === 12);
});
