import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT, type DuplicateId } from '../../../src/broker/api.js';
import type { Batch } from '../../../src/broker/host.js';
import { RECORD_TYPE } from '../../../src/broker/records.js';
import { depth, Rig, type RigOptions, type TestClient, UsageMap } from './broker-rig.js';

const { auto } = ACKNOWLEDGEMENT;

/** Sends a message whose body is its id, confirmed under the same name. */
function send(client: TestClient, id: DuplicateId, destination = '/queue/q'): void {
  client.send(destination, String(id), { duplicateId: id, token: String(id) });
}

function windowRig(idsPerAddress: number, options: RigOptions = {}): Rig {
  return new Rig({
    ...options,
    limits: { ...options.limits, duplicateIdsPerAddress: idsPerAddress },
  });
}

/** Restores `rig`'s snapshot into a broker with limits of its own, which then serves. */
function restarted(rig: Rig, limits: NonNullable<RigOptions['limits']>): Rig {
  rig.settle();
  const next = new Rig({ limits });
  next.broker.reset();
  for (const payload of rig.broker.snapshot()) next.broker.restore(payload);
  next.broker.startServing();
  return next;
}

test('a message with an id comes once, and every sender of it is confirmed', () => {
  const rig = new Rig();
  const [one, other] = [rig.connect(), rig.connect()];
  send(one, 'a');
  send(one, 'a');
  send(other, 'a');
  send(other, 'b');
  rig.settle();
  send(other, 'a');
  rig.settle();
  assert.deepEqual(
    [one.confirmations, other.confirmations],
    [
      ['a', 'a'],
      ['a', 'b', 'a'],
    ],
  );
  assert.equal(depth(rig.broker, 'q'), 2);
  const { sent, duplicates } = rig.broker.statistics();
  assert.deepEqual([sent, duplicates], [2, 3]);
  rig.checkTwins();
});

test('messages without an id are never duplicates', () => {
  const rig = new Rig();
  const client = rig.connect();
  for (let count = 0; count < 3; count += 1) client.send('/queue/q', 'same');
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 3);
  assert.equal(rig.broker.snapshotBytes(), 3 * 36);
});

test('P1: a duplicate is confirmed after what came first, though that is in a batch of another session', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const [one, other] = [rig.connect(), rig.connect()];
  send(one, 'a');
  const underWay = rig.broker.takeBatch() as Batch;
  send(other, 'a');
  // A batch with nothing but the confirmation, which must wait for the first all the same.
  assert.deepEqual(other.confirmations, []);
  rig.commit(underWay);
  assert.deepEqual([one.confirmations, other.confirmations], [['a'], []]);
  rig.settle();
  assert.deepEqual(other.confirmations, ['a']);
  assert.equal(depth(rig.broker, 'q'), 1);
});

test('P1: neither is it confirmed when the batch of the first is lost with the tenure', () => {
  const rig = new Rig();
  const [one, other] = [rig.connect(), rig.connect()];
  send(one, 'a');
  rig.broker.takeBatch();
  send(other, 'a');
  rig.broker.stopServing();
  rig.broker.startServing();
  assert.deepEqual(other.confirmations, []);
  const again = rig.connect();
  send(again, 'a');
  rig.settle();
  assert.deepEqual(again.confirmations, ['a']);
  assert.equal(depth(rig.broker, 'q'), 1);
  rig.checkTwins();
});

test('a backup that takes over knows the ids, also those of messages that are gone', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto });
  for (let id = 0; id < 50; id += 1) send(client, `id ${id}`);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.takeOver();
  const next = rig.connect();
  for (let id = 0; id < 51; id += 1) send(next, `id ${id}`);
  rig.settle();
  assert.equal(next.confirmations.length, 51);
  assert.equal(depth(rig.broker, 'q'), 1);
  rig.checkTwins();
});

test('the id and the message are in one block, however the batches fall', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  for (let id = 0; id < 60; id += 1) {
    client.send('/queue/q', 'x'.repeat(70 * id), { duplicateId: `${id}`.padEnd(7 * id + 1, '.') });
  }
  rig.settle();
  assert.ok(rig.blocks.length > 20);
  const follower = rig.newBroker(new UsageMap(), rig.bodies());
  for (const { payload, recordCount, position } of rig.blocks) {
    follower.apply(payload, recordCount, position);
    assert.equal(duplicateIdsIn(follower.snapshot()), depth(follower, 'q'));
  }
  rig.checkTwins();
});

/** How many ids a checkpoint holds. */
function duplicateIdsIn(payloads: readonly Uint8Array[]): number {
  let count = 0;
  for (const payload of payloads) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    for (let at = 0; at < payload.length; at += view.getUint32(at, true)) {
      if (payload[at + 4] === RECORD_TYPE.duplicateIds) count += view.getUint32(at + 8, true);
    }
  }
  return count;
}

test('ids of different kinds, of queues and of topics, are different ones', () => {
  const rig = new Rig();
  const client = rig.connect();
  client.listen('/topic/q', { durable: { clientId: 'c', name: 'n' }, mode: auto });
  const ids: DuplicateId[] = ['5', 5, Uint8Array.of(0x35), 5n, '05', 'é', 'e\u0301', '5\0', -5];
  for (let round = 0; round < 2; round += 1) {
    for (const id of ids) {
      send(client, id);
      send(client, id, '/topic/q');
      send(client, id, '/queue/other');
    }
    rig.settle();
  }
  // The number 5 and the big number 5 are one.
  assert.equal(depth(rig.broker, 'other'), ids.length - 1);
  assert.equal(client.received.length, ids.length - 1);
  rig.checkTwins();
});

test('an id that cannot be one is refused, and what was sent with it is not taken', () => {
  const rig = new Rig();
  const client = rig.connect();
  const tooLong = { code: 'LIMIT_EXCEEDED', message: /must have 1 to 500/ };
  for (const id of ['', 'x'.repeat(501), 'é'.repeat(251), new Uint8Array(0), new Uint8Array(501)]) {
    assert.throws(() => send(client, id), tooLong);
  }
  for (const id of [0.5, Number.NaN, 2 ** 60]) {
    assert.throws(() => send(client, id), { code: 'CLIENT_FAILED', message: /whole number/ });
  }
  for (const id of ['x'.repeat(500), 'é'.repeat(250), new Uint8Array(500)]) send(client, id);
  client.session.begin('t');
  const options = { duplicateId: '', transaction: 't' };
  assert.throws(() => client.send('/queue/q', 'x', options), tooLong);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 3);
  rig.checkTwins();
});

test('only the last ids of an address are known, and a duplicate does not make its id younger', () => {
  const rig = windowRig(3);
  const client = rig.connect();
  for (const id of ['a', 'b', 'c', 'a', 'd', 'a']) {
    send(client, id);
    rig.settle();
  }
  // "d" pushed "a" out, so that it came twice; its second coming pushed "b" out.
  assert.equal(depth(rig.broker, 'q'), 5);
  send(client, 'c');
  send(client, 'd');
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 5);
  rig.checkTwins();
});

test('a window keeps its size over many more ids than it holds', () => {
  const rig = windowRig(700);
  const client = rig.connect();
  client.listen('/queue/q', { mode: auto, prefetch: 1000 });
  for (let id = 0; id < 5_000; id += 1) send(client, `${id}`);
  rig.settle();
  client.takeBodies();
  assert.equal(duplicateIdsIn(rig.broker.snapshot()), 700);
  for (let id = 4_300; id < 5_001; id += 1) send(client, `${id}`);
  rig.settle();
  assert.deepEqual(client.takeBodies(), ['5000']);
  rig.checkTwins();
});

test('a rollback forgets the id, and so does a connection that is lost', () => {
  const rig = new Rig();
  const client = rig.connect();
  for (const end of ['rollback', 'close'] as const) {
    const sender = rig.connect();
    sender.session.begin('t');
    sender.send('/queue/q', 'x', { duplicateId: 'a', transaction: 't' });
    if (end === 'rollback') sender.session.rollback('t', null);
    else sender.session.close();
  }
  send(client, 'a');
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
  rig.checkTwins();
});

test('a transaction that comes again after its confirmation was lost does nothing', () => {
  const rig = new Rig();
  const commit = (client: TestClient) => {
    client.session.begin('t');
    for (const id of ['a', 'b', 'a']) {
      client.send('/queue/q', id, { duplicateId: id, transaction: 't' });
    }
    client.send('/topic/t', 'c', { duplicateId: 'c', transaction: 't' });
    client.session.commit('t', 'committed');
  };
  const client = rig.connect();
  client.listen('/topic/t', { durable: { clientId: 'c', name: 'n' }, credit: 0 });
  commit(client);
  rig.settle();
  rig.takeOver();
  const again = rig.connect();
  commit(again);
  rig.settle();
  assert.deepEqual(again.confirmations, ['committed']);
  assert.equal(depth(rig.broker, 'q'), 2);
  assert.equal(depth(rig.broker, 't'), 1);
  rig.checkTwins();
});

test('a transaction with ids does not straddle two batches, whatever is in memory only', () => {
  const rig = new Rig({ maxBatchBytes: 4096 });
  const client = rig.connect();
  for (let round = 0; round < 30; round += 1) {
    client.send('/queue/filler', 'x'.repeat(130 * round));
    client.session.begin('t');
    for (const [index, durable] of [true, false, true].entries()) {
      const body = 'y'.repeat(durable ? 50 : 3_500);
      const duplicateId = `${round} ${index}`;
      client.send('/queue/out', body, { durable, duplicateId, transaction: 't' });
    }
    client.session.commit('t', null);
  }
  while (rig.commitNext()) assert.equal(depth(rig.follower().broker, 'out') % 2, 0);
  assert.equal(depth(rig.broker, 'out'), 90);
  rig.checkTwins();
});

test('of two open transactions with one id the second loses that message only', () => {
  const rig = new Rig();
  const [one, other] = [rig.connect(), rig.connect()];
  for (const client of [one, other]) {
    client.session.begin('t');
    client.send('/queue/q', 'shared', { duplicateId: 'shared', transaction: 't' });
  }
  other.send('/queue/q', 'own', { duplicateId: 'own', transaction: 't' });
  // Not published yet, so this one is the first.
  send(rig.connect(), 'shared');
  one.session.commit('t', 'one');
  other.session.commit('t', 'other');
  rig.settle();
  assert.deepEqual([one.confirmations, other.confirmations], [['one'], ['other']]);
  const reader = rig.connect();
  reader.listen('/queue/q');
  assert.deepEqual(reader.bodies, ['shared', 'own']);
  rig.checkTwins();
});

test('the ids of a topic count whoever is subscribed', () => {
  const rig = new Rig();
  const client = rig.connect();
  send(client, 'nobody', '/topic/t');
  rig.settle();
  client.listen('/topic/t', { durable: { clientId: 'c', name: 'n' } });
  client.listen('/topic/t');
  send(client, 'nobody', '/topic/t');
  send(client, 'two', '/topic/t');
  send(client, 'two', '/topic/t');
  rig.settle();
  assert.deepEqual(client.bodies, ['two', 'two']);
  rig.checkTwins();
  rig.takeOver();
  const next = rig.connect();
  send(next, 'nobody', '/topic/t');
  send(next, 'two', '/topic/t');
  rig.settle();
  assert.equal(depth(rig.broker, 't'), 1);
});

test('ids of messages in memory live as long as the tenure, and never hide a durable message', () => {
  const rig = windowRig(2);
  const client = rig.connect();
  const sendInMemory = (id: string) =>
    client.send('/queue/q', id, { duplicateId: id, durable: false, token: id });
  sendInMemory('a');
  sendInMemory('a');
  rig.settle();
  assert.deepEqual(client.confirmations, ['a', 'a']);
  assert.equal(depth(rig.broker, 'q'), 1);
  send(client, 'a');
  send(client, 'a');
  sendInMemory('a');
  assert.equal(duplicateIdsIn(rig.broker.snapshot()), 0);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 2);
  sendInMemory('b');
  rig.settle();
  rig.checkTwins();
  rig.takeOver();
  const next = rig.connect();
  next.send('/queue/q', 'b', { duplicateId: 'b', durable: false });
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 2);
});

test('a dead letter is no duplicate, and its id stays known where it was sent to', () => {
  const rig = new Rig({ limits: { maxDeliveries: 1 } });
  const client = rig.connect();
  client.listen('/queue/q');
  send(client, 'a');
  send(client, 'a', '/queue/DLQ.q');
  rig.settle();
  client.reject(client.last());
  send(client, 'a');
  rig.settle();
  assert.equal(depth(rig.broker, 'DLQ.q'), 2);
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.checkTwins();
});

test('what is compacted is no duplicate, and a checkpoint stands for blocks that are gone', () => {
  const rig = new Rig();
  const client = rig.connect();
  for (let id = 0; id < 20; id += 1) send(client, `${id}`);
  rig.settle();
  for (const { payload, position } of rig.blocks.slice()) rig.broker.relocate(payload, position);
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 20);
  const next = restarted(rig, {});
  const later = next.connect();
  for (let id = 0; id < 21; id += 1) send(later, `${id}`);
  next.settle();
  assert.equal(depth(next.broker, 'q'), 21);
});

test('blocks go on where a checkpoint in the middle of them ends', () => {
  const rig = windowRig(5, { maxBatchBytes: 4096 });
  const client = rig.connect();
  for (let id = 0; id < 40; id += 1) send(client, `${id}`, `/queue/${id % 3}`);
  rig.settle();
  const payloads = rig.broker.snapshot();
  const blocksBefore = rig.blocks.length;
  for (let id = 20; id < 80; id += 1) send(client, `${id}`, `/queue/${id % 4}`);
  rig.settle();
  const restored = rig.newBroker(new UsageMap(), rig.bodies());
  for (const payload of payloads) restored.restore(payload);
  for (const { payload, recordCount, position } of rig.blocks.slice(blocksBefore)) {
    restored.apply(payload, recordCount, position);
  }
  assert.deepEqual(restored.snapshot(), rig.broker.snapshot());
  rig.checkTwins();
});

test('P7: all windows together are bounded, and the address used least forgets first', () => {
  const rig = windowRig(1000, { limits: { duplicateIdsMaxBytes: 20_000 } });
  const client = rig.connect();
  for (let id = 0; id < 100; id += 1) send(client, `old ${id}`, '/queue/old');
  send(client, 'rare', '/queue/rare');
  for (let id = 0; id < 150; id += 1) send(client, `new ${id}`, '/queue/new');
  rig.settle();
  const ids = duplicateIdsIn(rig.broker.snapshot());
  assert.ok(ids > 150 && ids < 200, `${ids}`);
  for (let id = 0; id < 150; id += 1) send(client, `new ${id}`, '/queue/new');
  send(client, 'rare', '/queue/rare');
  send(client, 'old 0', '/queue/old');
  rig.settle();
  assert.deepEqual(
    ['old', 'rare', 'new'].map((name) => depth(rig.broker, name)),
    [101, 1, 150],
  );
  // Addresses cost something as well: nobody fills the memory with topics that are sent to once.
  for (let topic = 0; topic < 500; topic += 1) send(client, 'x', `/topic/${topic}`);
  rig.settle();
  assert.ok(duplicateIdsIn(rig.broker.snapshot()) < 40);
  rig.checkTwins();
});

test('every node trims as the live one did, whatever its own limits are', () => {
  const rig = windowRig(3);
  const client = rig.connect();
  for (let id = 0; id < 10; id += 1) send(client, `${id}`);
  rig.settle();
  const larger = new Rig({ limits: { duplicateIdsPerAddress: 50 } });
  const follower = larger.newBroker(new UsageMap(), larger.bodies());
  for (const { payload, recordCount, position } of rig.blocks) {
    follower.apply(payload, recordCount, position);
  }
  assert.deepEqual(follower.snapshot(), rig.broker.snapshot());
});

test('other limits count from the tenure of the node that has them', () => {
  const rig = windowRig(10);
  const client = rig.connect();
  for (let id = 0; id < 10; id += 1) send(client, `${id}`);
  const smaller = restarted(rig, { duplicateIdsPerAddress: 4 });
  smaller.settle();
  assert.equal(duplicateIdsIn(smaller.broker.snapshot()), 4);
  const larger = restarted(smaller, { duplicateIdsPerAddress: 6 });
  const sender = larger.connect();
  for (let id = 6; id < 13; id += 1) send(sender, `${id}`);
  larger.settle();
  assert.equal(depth(larger.broker, 'q'), 13);
  assert.equal(duplicateIdsIn(larger.broker.snapshot()), 6);
});

test('0 turns it off: ids that are stored go, and new ones are not looked at', () => {
  const rig = new Rig();
  send(rig.connect(), 'a');
  const off = restarted(rig, { duplicateIdsPerAddress: 0 });
  const client = off.connect();
  send(client, 'a');
  send(client, '');
  off.settle();
  assert.equal(depth(off.broker, 'q'), 3);
  assert.equal(duplicateIdsIn(off.broker.snapshot()), 0);
  assert.equal(off.broker.snapshotBytes(), 3 * 36);
});

test('a checkpoint of many long ids comes in payloads of at most 1 MiB', () => {
  const rig = windowRig(10_000, { limits: { duplicateIdsMaxBytes: 1e9 }, maxBatchBytes: 1 << 20 });
  const client = rig.connect();
  for (let id = 0; id < 6_000; id += 1) send(client, `${id}`.padEnd(500, '.'));
  rig.settle();
  const payloads = rig.broker.snapshot();
  assert.ok(payloads.length >= 3);
  for (const payload of payloads) assert.ok(payload.length <= 1 << 20);
  const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
  assert.ok(Math.abs(rig.broker.snapshotBytes() - bytes) < bytes / 100);
  rig.checkTwins();
});

test('an address may remember another number of ids, or none; a backup with other settings does the same', () => {
  const rig = new Rig({
    limits: { duplicateIdsPerAddress: 2 },
    addresses: { 'many.*': { duplicateIds: 4 }, none: { duplicateIds: 0 } },
  });
  const client = rig.connect();
  const sendAll = () => {
    for (const name of ['many.q', 'few', 'none']) {
      for (const id of ['1', '2', '3', '4', '5']) send(client, id, `/queue/${name}`);
    }
    rig.settle();
  };
  sendAll();
  for (const name of ['many.q', 'few', 'none']) {
    for (const id of ['5', '4', '3', '2']) send(client, id, `/queue/${name}`);
  }
  rig.settle();
  const depths = ['many.q', 'few', 'none'].map((name) => depth(rig.broker, name));
  assert.deepEqual(depths, [5, 7, 9]);
  rig.options = { limits: { duplicateIdsPerAddress: 50 } };
  rig.checkTwins();
  rig.takeOver();
  // What is journaled counts until the next id of the address comes.
  const next = rig.connect();
  send(next, '2', '/queue/many.q');
  send(next, '5', '/queue/few');
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'many.q'), depth(rig.broker, 'few')], [5, 8]);
  rig.checkTwins();
});

test('ids are remembered for an address alone, also by a checkpoint', () => {
  const addresses = { q: { duplicateIds: 3 } };
  const rig = new Rig({ limits: { duplicateIdsPerAddress: 0 }, addresses });
  const client = rig.connect();
  for (const destination of ['/queue/q', '/queue/other']) {
    for (const id of ['a', 'a']) send(client, id, destination);
    client.send(destination, 'a', { duplicateId: 'a', durable: false });
  }
  rig.settle();
  assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [1, 3]);
  rig.checkTwins();
});
