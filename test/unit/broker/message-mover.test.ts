/** Where messages go that failed too often or expired, by the settings of their address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import type { Batch } from '../../../src/broker/host.js';
import { depth, Rig, type TestClient } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

/** The one message of the queue fails at once and for good. */
function failFrom(rig: Rig, client: TestClient, destination: string): void {
  const subscriber = client.listen(destination);
  rig.settle();
  client.settle(client.last(), REJECTION.poison);
  rig.settle();
  client.session.unsubscribe(subscriber, null);
}

test('failed messages go to the address of their queue, after as many failures as it allows', () => {
  const addresses = {
    'orders.>': { deadLetterAddress: 'dead orders', maxDeliveries: 2 },
    'orders.big': { maxDeliveries: 1 },
  };
  const rig = new Rig({ addresses });
  const client = rig.connect();
  for (const [name, failures] of [
    ['orders.eu', 2],
    ['orders.big', 1],
    ['other', 3],
  ] as const) {
    client.send(`/queue/${name}`, name);
    client.listen(`/queue/${name}`);
    rig.settle();
    for (let failure = 1; failure <= failures; failure += 1) {
      assert.equal(depth(rig.broker, name), 1);
      client.reject(client.last());
    }
    rig.settle();
    assert.equal(depth(rig.broker, name), 0);
  }
  assert.equal(depth(rig.broker, 'dead orders'), 2);
  assert.equal(depth(rig.broker, 'DLQ.other'), 1);
  rig.checkTwins();
});

test('with an empty dead-letter address failed messages are dropped, counted, and told of once', () => {
  const rig = new Rig({ addresses: { noise: { deadLetterAddress: '' } } });
  const client = rig.connect();
  for (const durable of [true, false, true]) {
    client.send('/queue/noise', 'x', { durable });
    failFrom(rig, client, '/queue/noise');
  }
  const { messages, dropped, deadLettered } = rig.broker.statistics();
  assert.deepEqual([messages, dropped, deadLettered], [0, 3, 3]);
  assert.deepEqual(rig.firstDrops, ['noise failed']);
  rig.checkTwins();
});

test('nothing goes on from a dead-letter queue, whatever is set for all; a rule for just that queue moves it on', () => {
  const addresses = {
    '>': { deadLetterAddress: 'dead', maxDeliveries: 1 },
    fast: { deadLetterAddress: 'slow' },
    slow: { deadLetterAddress: 'DLQ.slow' },
  };
  const rig = new Rig({ addresses });
  const client = rig.connect();
  client.send('/queue/fast', 'x');
  const way = ['fast', 'slow', 'DLQ.slow', 'DLQ.slow', 'DLQ.slow'];
  for (const name of way) failFrom(rig, client, `/queue/${name}`);
  assert.equal(depth(rig.broker, 'DLQ.slow'), 1);
  assert.equal(rig.broker.statistics().deadLettered, 2);
  client.send('/queue/q', 'y');
  for (const name of ['q', 'dead', 'dead']) failFrom(rig, client, `/queue/${name}`);
  assert.equal(depth(rig.broker, 'dead'), 1);
  rig.checkTwins();
});

test('a full dead-letter queue and a full expiry queue take what is moved', () => {
  const full = {
    maxMessages: 1,
    whenFull: 'reject',
    deadLetterAddress: 'dead',
    expiryAddress: 'late',
  } as const;
  const rig = new Rig({ addresses: { '>': full } });
  const client = rig.connect();
  for (let round = 1; round <= 3; round += 1) {
    client.send('/queue/q', 'fails');
    failFrom(rig, client, '/queue/q');
    client.send('/queue/q', 'expires', { expiresAtMs: rig.nowMs + 1 });
    rig.settle();
    rig.nowMs += 1;
    rig.broker.sweep();
    rig.settle();
  }
  assert.deepEqual([depth(rig.broker, 'dead'), depth(rig.broker, 'late')], [3, 3]);
  rig.checkTwins();
});

for (const cold of [false, true]) {
  test(`what expires goes to the expiry address, however it is found (cold: ${cold})`, () => {
    const rig = new Rig({ cold, addresses: { 'orders.*': { expiryAddress: 'late' } } });
    const client = rig.connect();
    const expiresAtMs = rig.nowMs + 100;
    client.send('/queue/orders.eu', 'swept', { expiresAtMs, headers: 'a:b\n', priority: 7 });
    client.send('/queue/orders.eu', 'in memory', { expiresAtMs, durable: false });
    client.send('/queue/orders.eu', 'delayed', { expiresAtMs, deliverAtMs: rig.nowMs + 1_000 });
    client.send('/queue/other', 'dropped', { expiresAtMs });
    rig.settle();
    rig.nowMs += 100;
    rig.broker.sweep();
    rig.settle();
    client.send('/queue/orders.us', 'met', { expiresAtMs: rig.nowMs });
    rig.settle();
    client.listen('/queue/orders.us', { mode: auto });
    rig.settle();
    const { expired, messages, deadLettered } = rig.broker.statistics();
    assert.deepEqual([expired, messages, deadLettered], [5, 4, 0]);
    rig.checkTwins();
    client.listen('/queue/late', { mode: auto });
    rig.settle();
    assert.deepEqual(client.bodies.toSorted(), ['delayed', 'in memory', 'met', 'swept']);
    const swept = client.received.find(({ body }) => body === 'swept');
    assert.match(
      swept?.headers ?? '',
      /^a:b\nwhy:It expired before.*\nfrom:orders.eu\ntimes:0\nexpired:1000100\n$/,
    );
    assert.deepEqual([swept?.expiresAtMs, swept?.priority, swept?.timestampMs], [0, 7, 1_000_000]);
    assert.equal(client.received.find(({ body }) => body === 'in memory')?.durable, false);
    rig.checkTwins();
  });
}

test('a subscription with wildcards that fails messages of many topics makes no more queues than are allowed', () => {
  const rig = new Rig({ limits: { maxQueues: 4, maxDeliveries: 1 } });
  const client = rig.connect();
  client.listen('/topic/news.>', { durable: { clientId: 'c', name: 'n' } });
  for (let topic = 1; topic <= 20; topic += 1) {
    // The first one has its queue, and goes on to use it.
    for (const name of [`news.${topic}`, 'news.1']) {
      client.send(`/topic/${name}`, name);
      rig.settle();
      client.reject(client.last());
      rig.settle();
    }
  }
  const { queues, messages } = rig.broker.statistics();
  const names = queues.map(({ destination }) => destination.name);
  const expected = ['DLQ.news.1', 'DLQ.news.2', 'DLQ.news.3', 'DLQ.others', 'news.>'];
  assert.deepEqual(names.toSorted(), expected);
  assert.deepEqual([messages, depth(rig.broker, 'DLQ.news.1')], [40, 21]);
  assert.equal(depth(rig.broker, 'DLQ.others'), 17);
  client.listen('/queue/DLQ.others', { mode: auto });
  rig.settle();
  assert.match(client.received.at(-1)?.headers ?? '', /from:news\.20\n/);
  rig.checkTwins();
});

test('many that expire at the same moment are taken out in several turns, with each of them once', () => {
  const rig = new Rig({ limits: { memoryMaxBytes: 1e12 } });
  const client = rig.connect();
  const total = 50_000;
  for (let index = 0; index < total; index += 1) {
    client.send('/queue/q', '', { expiresAtMs: rig.nowMs + 10, durable: false });
  }
  rig.settle();
  rig.nowMs += 10;
  const turns: number[] = [];
  const look = () => turns.push(rig.broker.statistics().expired);
  rig.broker.sweep();
  look();
  // The next look at the clock comes while it is under way.
  rig.broker.sweep();
  for (;;) {
    const task = rig.waitingTasks.shift();
    if (task === undefined) break;
    task();
    look();
  }
  assert.deepEqual(turns, [20_000, 40_000, 50_000]);
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.broker.sweep();
  assert.equal(rig.broker.statistics().expired, total);
});

test('P1: copy and removal are in one block: a node that takes over at any moment has each message once', () => {
  const rig = new Rig({ cold: true, addresses: { q: { expiryAddress: 'late' } } });
  const client = rig.connect();
  const total = 40;
  for (let index = 0; index < total; index += 1) {
    client.send('/queue/q', `${index}`.repeat(150), { expiresAtMs: rig.nowMs + 10 });
  }
  rig.settle();
  rig.nowMs += 10;
  rig.broker.sweep();
  const count = (): number => {
    const { broker } = rig.follower();
    return depth(broker, 'q') + depth(broker, 'late');
  };
  for (;;) {
    assert.equal(count(), total);
    const load = rig.waitingLoads.shift();
    if (load !== undefined) load();
    else if (!rig.commitNext()) break;
  }
  assert.equal(depth(rig.broker, 'late'), total);
  rig.checkTwins();
});

test('a node that dies before the move leaves it to the next, which goes by its own settings', () => {
  const rig = new Rig({ cold: true, addresses: { q: { expiryAddress: 'late' } } });
  rig.connect().send('/queue/q', 'x', { expiresAtMs: rig.nowMs + 10 });
  rig.settle();
  rig.nowMs += 10;
  rig.broker.sweep();
  assert.equal(rig.waitingLoads.length, 1);
  rig.options = { cold: true, addresses: { '#': { expiryAddress: 'too late' } } };
  rig.takeOver();
  rig.broker.sweep();
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'too late')], [0, 1]);
  rig.checkTwins();
});

test('many that expire at once are moved bit by bit, in their order', () => {
  const rig = new Rig({ maxBatchBytes: 1 << 20, addresses: { q: { expiryAddress: 'late' } } });
  const client = rig.connect();
  const total = 200;
  for (let index = 0; index < total; index += 1) {
    const body = `${index}`.padEnd(20_000, '.');
    client.send('/queue/q', body, { expiresAtMs: rig.nowMs + 10 });
  }
  rig.settle();
  rig.nowMs += 10;
  rig.broker.sweep();
  const atOnce: Batch[] = [];
  for (let batch = rig.broker.takeBatch(); batch !== null; batch = rig.broker.takeBatch()) {
    atOnce.push(batch);
  }
  const bytes = atOnce.reduce((sum, { end }) => sum + end, 0);
  assert.ok(bytes < 1.1 * (1 << 20), `${bytes} bytes at once`);
  for (const batch of atOnce) rig.commit(batch);
  assert.ok(depth(rig.broker, 'late') < total);
  rig.settle();
  client.listen('/queue/late', { prefetch: 1_000 });
  rig.settle();
  assert.deepEqual(
    client.bodies.map((body) => Number.parseInt(body, 10)),
    Array.from({ length: total }, (_, index) => index),
  );
  rig.checkTwins();
});

test('nothing is moved while the node holds producers back, and all of it afterwards', () => {
  const rig = new Rig({ addresses: { q: { expiryAddress: 'late' } } });
  const client = rig.connect();
  client.send('/queue/q', 'expires', { expiresAtMs: rig.nowMs + 1 });
  client.send('/queue/other', 'fails');
  rig.settle();
  rig.broker.holdProducers({ reason: 'The disk is full', isBrief: false });
  rig.nowMs += 1;
  rig.broker.sweep();
  failFrom(rig, client, '/queue/other');
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [1, 1]);
  rig.broker.releaseProducers();
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'late'), depth(rig.broker, 'DLQ.other')], [1, 1]);
  rig.checkTwins();
});

test('what waits to be moved goes nowhere when the rules say so by then', () => {
  const rig = new Rig({ addresses: { q: { expiryAddress: 'late' } } });
  const client = rig.connect();
  client.send('/queue/q', 'expires', { expiresAtMs: rig.nowMs + 1 });
  client.send('/queue/other', 'fails');
  rig.settle();
  rig.broker.holdProducers({ reason: 'The disk is full', isBrief: false });
  rig.nowMs += 1;
  rig.broker.sweep();
  failFrom(rig, client, '/queue/other');
  rig.broker.useAddressRules([{ pattern: '>', deadLetterAddress: '' }]);
  rig.broker.releaseProducers();
  rig.settle();
  assert.deepEqual(
    rig.broker.statistics().queues.map(({ destination, messages }) => [destination.name, messages]),
    [
      ['q', 0],
      ['other', 0],
    ],
  );
  const { expired, deadLettered, dropped } = rig.broker.statistics();
  assert.deepEqual([expired, deadLettered, dropped], [1, 1, 1]);
  rig.checkTwins();
});

test('a queue that is its own expiry address keeps what expires, and no longer lets it expire', () => {
  const rig = new Rig({ addresses: { '>': { expiryAddress: 'late' } } });
  const client = rig.connect();
  client.send('/queue/late', 'x', { expiresAtMs: rig.nowMs + 1 });
  rig.settle();
  for (let round = 0; round < 3; round += 1) {
    rig.nowMs += 10;
    rig.broker.sweep();
    rig.settle();
  }
  assert.equal(depth(rig.broker, 'late'), 1);
  assert.equal(rig.broker.statistics().expired, 1);
  rig.checkTwins();
});

test('what expires in a subscription says which topic it was sent to; of a temporary queue it is dropped', () => {
  const rig = new Rig({ addresses: { '>': { expiryAddress: 'late' } } });
  const client = rig.connect();
  client.listen('/topic/news.*', { durable: { clientId: 'c', name: 'n' }, credit: 0 });
  const expiresAtMs = rig.nowMs + 1;
  client.send('/topic/news.uk', 'x', { expiresAtMs });
  client.session.createTemporary({ kind: 'queue', name: 'temporary:1' });
  client.send('/queue/temporary:1', 'y', { expiresAtMs });
  rig.settle();
  rig.nowMs += 1;
  rig.broker.sweep();
  rig.settle();
  client.listen('/queue/late', { mode: auto });
  rig.settle();
  assert.deepEqual(client.bodies, ['x']);
  assert.match(client.last().headers, /from:news.uk/);
  assert.equal(rig.broker.statistics().messages, 0);
  rig.checkTwins();
});

test('a subscription that is removed while its messages move takes them along', () => {
  const rig = new Rig({ cold: true, addresses: { '>': { expiryAddress: 'late' } } });
  const client = rig.connect();
  const durable = { clientId: 'c', name: 'n' };
  client.session.unsubscribe(client.listen('/topic/t', { durable }), null);
  client.send('/topic/t', '1', { expiresAtMs: rig.nowMs + 1 });
  client.send('/topic/t', '2', { expiresAtMs: rig.nowMs + 1 });
  rig.settle();
  rig.nowMs += 1;
  rig.broker.sweep();
  client.session.removeDurableSubscription('c', 'n', 'removed');
  rig.settle();
  assert.deepEqual(client.confirmations, ['removed']);
  assert.equal(rig.broker.statistics().messages, 0);
  rig.checkTwins();
});

test('a message waits longer after each failure', () => {
  const backOff = { redeliveryDelayMs: 100, redeliveryDelayMultiplier: 2, maxDeliveries: 4 };
  const rig = new Rig({ addresses: { q: backOff } });
  const client = rig.connect();
  client.send('/queue/q', 'x');
  client.listen('/queue/q');
  rig.settle();
  for (const delayMs of [100, 200, 400]) {
    client.reject(client.last());
    const { length } = client.received;
    rig.nowMs += delayMs - 1;
    rig.broker.sweep();
    assert.equal(client.received.length, length);
    rig.nowMs += 1;
    rig.broker.sweep();
    assert.equal(client.received.length, length + 1);
    rig.settle();
  }
  client.reject(client.last());
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.q'), 1);
  rig.checkTwins();
});

test('an address may say how long its messages live', () => {
  const addresses = {
    'short.>': { maxTimeToLiveMs: 100 },
    'usual.>': { defaultTimeToLiveMs: 100 },
  };
  const rig = new Rig({ addresses });
  const client = rig.connect();
  client.listen('/topic/short.t', { durable: { clientId: 'c', name: 'n' }, credit: 0 });
  client.session.begin('t');
  const expiresAtMs = rig.nowMs + 200;
  for (const destination of ['/queue/short.q', '/topic/short.t', '/queue/usual.q', '/queue/q']) {
    client.send(destination, 'none');
    client.send(destination, 'late', { expiresAtMs, durable: false });
    client.send(destination, 'in a transaction', { transaction: 't' });
  }
  client.session.commit('t', null);
  rig.settle();
  rig.nowMs += 100;
  rig.broker.sweep();
  rig.settle();
  const names = ['short.q', 'short.t', 'usual.q', 'q'];
  assert.deepEqual(
    names.map((name) => depth(rig.broker, name)),
    [0, 0, 1, 3],
  );
  rig.checkTwins();
});
