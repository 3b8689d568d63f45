/** What clients may rely on, end to end and across a takeover. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { StompClient } from '../../src/client/stomp-client.js';
import { eventually } from '../support/eventually.js';
import { connect, Inbox, isConnectionLoss } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const QUEUE = '/queue/q';
/** Milliseconds after the commit was sent, between a moment too early for it and one too late. */
const KILL_MOMENTS = ['before it arrives', 0, 1, 2, 4, 8, 'when it is confirmed'] as const;
const PARTS = Array.from({ length: 50 }, (_, index) => `part ${index} `.padEnd(5_000));
/** Many times what a message takes that is not held back. */
const HELD_BACK_FOR_MS = 500;

test('the redelivered flag and the count of failed deliveries survive a takeover', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  await client.send({ destination: QUEUE, body: 'hard to process' });
  const first = await Inbox.open(client, QUEUE, 'client-individual');
  for (const attempt of [1, 2, 3]) {
    const message = (await first.atLeast(attempt)).at(-1);
    assert.ok(message);
    assert.equal(message.header('redelivered'), attempt === 1 ? undefined : 'true');
    if (attempt < 3) client.reject(message);
  }
  await client.send({ destination: '/queue/other', body: 'what was rejected before is durable' });
  await live.kill();
  await backup.untilRole('live');
  const inbox = await Inbox.open(await connect(backup.address), QUEUE, 'client-individual');
  const [message] = await inbox.atLeast(1);
  assert.equal(message?.header('redelivered'), 'true');
  assert.equal(message?.header('delivery-count'), '3');
});

test('what is urgent comes first, and each group goes to one consumer, before a takeover and after it', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  const early = await Inbox.open(client, QUEUE, 'client');
  const sent: [string, Record<string, string>][] = [
    ['a1', { JMSXGroupID: 'a' }],
    ['b1', { JMSXGroupID: 'b' }],
    ['a2', { JMSXGroupID: 'a' }],
    ['a3', { JMSXGroupID: 'a', JMSXGroupSeq: '-1' }],
    ['urgent', { priority: '9' }],
    ['b2', { JMSXGroupID: 'b' }],
    ['idle', { priority: '0' }],
  ];
  for (const [body, headers] of sent) await client.send({ destination: QUEUE, body, headers });
  const [first] = await early.atLeast(sent.length);
  assert.ok(first);
  await client.acknowledgeConfirmed(first);
  await live.kill();
  await backup.untilRole('live');
  const headers = { 'prefetch-count': '1' };
  const [one, other] = [await connect(backup.address), await connect(backup.address)];
  const slow = await Inbox.open(one, QUEUE, 'client-individual', headers);
  await slow.atLeast(1);
  const quick = await Inbox.open(other, QUEUE, 'client-individual', { 'prefetch-count': '10' });
  await quick.atLeast(5);
  // The first one has its hands full, and owns no group.
  assert.deepEqual([slow.texts, quick.texts], [['urgent'], ['b1', 'a2', 'a3', 'b2', 'idle']]);
});

test('a message that fails too often goes to its dead-letter queue with the reason', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_MAX_DELIVERIES: '2' });
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  await client.send({ destination: QUEUE, body: 'poison', headers: { colour: 'red' } });
  const inbox = await Inbox.open(client, QUEUE, 'client-individual');
  for (const attempt of [1, 2]) {
    const message = (await inbox.atLeast(attempt)).at(-1);
    assert.ok(message);
    client.reject(message);
  }
  await client.disconnect();
  await live.kill();
  await backup.untilRole('live');
  const dead = await Inbox.open(await connect(backup.address), '/queue/DLQ.q', 'client-individual');
  const [message] = await dead.atLeast(1);
  assert.equal(message?.text(), 'poison');
  assert.equal(message?.header('colour'), 'red');
  assert.equal(message?.header('original-destination'), QUEUE);
  assert.match(message?.header('dlqDeliveryFailureCause') ?? '', /\S/);
});

test('an expired message is not delivered, and one that has not expired is', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  const now = Date.now();
  const headers = { expires: String(now + 300) };
  await client.send({ destination: QUEUE, body: 'short-lived', headers });
  const later = { expires: String(now + 600_000) };
  await client.send({ destination: QUEUE, body: 'long-lived', headers: later });
  await live.kill();
  await backup.untilRole('live');
  await delay(Math.max(0, now + 400 - Date.now()));
  const inbox = await Inbox.open(await connect(backup.address), QUEUE, 'auto');
  await inbox.atLeast(1);
  assert.deepEqual(inbox.texts, ['long-lived']);
});

test('a durable subscription keeps what comes while its client is away and the live node changes', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const topic = '/topic/news';
  const headers = { 'durable-subscription-name': 'reader' };
  const subscriber = await connect(live.address, { clientId: 'alice' });
  await Inbox.open(subscriber, topic, 'client-individual', headers);
  await subscriber.disconnect();
  const publisher = await connect(live.address);
  await publisher.send({ destination: topic, body: 'before' });
  await live.kill();
  await backup.untilRole('live');
  const next = await connect(backup.address);
  await next.send({ destination: topic, body: 'after' });
  const again = await connect(backup.address, { clientId: 'alice' });
  const inbox = await Inbox.open(again, topic, 'client-individual', headers);
  await inbox.atLeast(2);
  assert.deepEqual(inbox.texts, ['before', 'after']);
});

test('a non-durable message is delivered, and gone with the tenure when nobody took it', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  const headers = { persistent: 'false' };
  await client.send({ destination: QUEUE, body: 'taken', headers });
  const inbox = await Inbox.open(client, QUEUE, 'auto');
  await inbox.atLeast(1);
  assert.deepEqual(inbox.texts, ['taken']);
  await client.send({ destination: '/queue/later', body: 'not taken', headers });
  await client.send({ destination: '/queue/later', body: 'durable' });
  await live.kill();
  await backup.untilRole('live');
  const later = await Inbox.open(await connect(backup.address), '/queue/later', 'auto');
  await later.atLeast(1);
  assert.deepEqual(later.texts, ['durable']);
});

test('a transaction is there as a whole or not at all when the live node dies at its commit', async (t) => {
  const store = await TestStore.make(t);
  let { live, backup } = await store.startPair();
  const outcomes: string[] = [];
  for (const [round, moment] of KILL_MOMENTS.entries()) {
    const client = await connect(live.address);
    const destination = `/queue/round-${round}`;
    if (moment === 'before it arrives') live.signal('SIGSTOP');
    const commit = commitParts(client, destination);
    if (moment === 'when it is confirmed') assert.ok(await commit);
    else if (moment !== 'before it arrives') await delay(moment);
    await live.kill();
    const isConfirmed = await commit;
    await backup.untilRole('live');
    const next = await connect(backup.address);
    await next.send({ destination, body: 'end' });
    const inbox = await Inbox.open(next, destination, 'auto');
    await eventually('the end comes', () => inbox.texts.at(-1) === 'end');
    const isWhole = inbox.messages.length > 1;
    assert.deepEqual(inbox.texts, isWhole ? [...PARTS, 'end'] : ['end']);
    assert.ok(isWhole || !isConfirmed, 'a transaction that was confirmed is gone');
    outcomes.push(isWhole ? 'whole' : 'absent');
    [live, backup] = [backup, await store.startBackup(live.name)];
  }
  t.diagnostic(`killed at ${KILL_MOMENTS.join(', ')}: ${outcomes.join(', ')}`);
  assert.equal(outcomes[0], 'absent');
  assert.equal(outcomes.at(-1), 'whole');
});

test('messages keep their order with a prefetch of one across a takeover', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const sent = Array.from({ length: 100 }, (_, index) => `message ${index}`);
  const producer = await connect(live.address);
  await Promise.all(sent.map((body) => producer.send({ destination: QUEUE, body })));
  const received: string[] = [];
  const take = async (from: typeof live, count: number): Promise<void> => {
    const client = await connect(from.address);
    const inbox = await Inbox.open(client, QUEUE, 'client', { 'prefetch-count': '1' });
    for (let taken = 1; taken <= count; taken += 1) {
      const message = (await inbox.atLeast(taken)).at(-1);
      assert.ok(message);
      assert.equal(inbox.messages.length, taken, 'one at a time');
      received.push(message.text());
      await client.acknowledgeConfirmed(message);
    }
    client.destroy();
  };
  await take(live, 40);
  await live.kill();
  await backup.untilRole('live');
  await take(backup, 60);
  assert.deepEqual(received, sent);
});

test('a full disk holds producers back while consumers go on', async (t) => {
  const store = await TestStore.make(t);
  const first = await store.startLive('a');
  const before = await connect(first.address);
  for (const body of ['one', 'two']) await before.send({ destination: QUEUE, body });
  await first.kill();
  const full = { HOLDFAST_JOURNAL_MIN_FREE_BYTES: String(1024 ** 4) };
  const node = await store.startLive('a', full);
  await node.untilEvent('disk-full');
  const producer = await connect(node.address);
  const missing = new Set(Array.from({ length: 20 }, (_, index) => `new ${index + 1}`));
  for (const body of [...missing]) {
    await delay(5);
    producer.send({ destination: '/queue/new', body }).then(
      () => missing.delete(body),
      () => undefined,
    );
  }
  const consumer = await connect(node.address);
  const inbox = await Inbox.open(consumer, QUEUE, 'client-individual');
  for (const message of await inbox.atLeast(2)) await consumer.acknowledgeConfirmed(message);
  assert.deepEqual(inbox.texts, ['one', 'two']);
  const heldBack = missing.size;
  assert.ok(heldBack > 0, 'every message was taken');
  await delay(HELD_BACK_FOR_MS);
  assert.equal(missing.size, heldBack, 'more messages were taken');
  await node.kill();
  const roomy = await connect((await store.startLive('a')).address);
  for (const body of [...missing]) await roomy.send({ destination: '/queue/new', body });
  const all = await Inbox.open(roomy, '/queue/new', 'auto');
  await eventually('every message comes', () => new Set(all.texts).size === 20);
});

/** Sends a transaction of all parts; resolves with whether its commit was confirmed. */
async function commitParts(client: StompClient, destination: string): Promise<boolean> {
  const unlessLost = (error: unknown): void => assert.ok(isConnectionLoss(error));
  client.begin('all');
  const sends = PARTS.map((body) =>
    client.send({ destination, body, transaction: 'all' }).catch(unlessLost),
  );
  const commit = client.commit('all').then(
    () => true,
    (error: unknown) => {
      unlessLost(error);
      return false;
    },
  );
  await Promise.all(sends);
  return commit;
}
