import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENT_KIND } from '../../../src/broker/api.js';
import { duplicateKeyOf } from '../../../src/broker/duplicate-key.js';
import { duplicateAddress } from '../../../src/broker/duplicate-windows.js';
import { encodeWithoutTargets } from '../../../src/broker/prepared-message.js';
import { PRIORITIES } from '../../../src/broker/priority.js';
import { RecordReader } from '../../../src/broker/record-reader.js';
import {
  encodeCounters,
  encodeDuplicateIds,
  encodeDuplicateLimits,
  encodeEntryIdsReserved,
} from '../../../src/broker/record-writer.js';
import {
  areStoredTraits,
  isStoredRedelivered,
  storedGroup,
  storedPriority,
  storedTraits,
} from '../../../src/broker/stored-traits.js';
import { HoldfastError } from '../../../src/platform/errors.js';
import { Rig, UsageMap } from './broker-rig.js';

/** Blocks in which every type of record occurs. */
function variedRig(): Rig {
  const rig = new Rig();
  const client = rig.connect();
  const durable = { clientId: 'client', name: 'subscription' };
  const subscriber = client.listen('/topic/t', { durable });
  client.listen('/queue/q');
  client.send('/topic/t', 'x');
  for (let index = 0; index < 4; index += 1) {
    client.send('/queue/q', `body ${index}`, { headers: 'a:b\n', expiresAtMs: 9e12 });
  }
  client.send('/queue/q', 'volatile', { durable: false });
  client.send('/queue/q', 'grouped', { groupId: 'g', priority: 7, closesGroup: true });
  for (const duplicateId of ['id', -5, Uint8Array.of(0, 255)]) {
    client.send('/queue/q', 'recognisable', { duplicateId });
    client.send('/topic/t', 'recognisable', { duplicateId });
  }
  rig.settle();
  client.acknowledge(client.received[1] as never);
  client.reject(client.received[2] as never);
  rig.settle();
  for (const { payload, position } of rig.blocks.slice()) rig.broker.relocate(payload, position);
  rig.settle();
  client.session.unsubscribe(subscriber, null);
  client.session.removeDurableSubscription('client', 'subscription', null);
  rig.settle();
  return rig;
}

function follow(rig: Rig, damage: (payload: Uint8Array, block: number) => Uint8Array): void {
  const broker = rig.newBroker(new UsageMap(), rig.bodies());
  for (const [index, { payload, recordCount, position }] of rig.blocks.entries()) {
    broker.apply(damage(payload, index), recordCount, position);
  }
}

test('P6: whatever byte of a block is changed, it is applied as valid or refused as corrupt', () => {
  const rig = variedRig();
  let refused = 0;
  for (const [index, { payload }] of rig.blocks.entries()) {
    for (let at = 0; at < payload.length; at += 1) {
      for (const change of [1, 0x80, 0xff]) {
        const damage = (bytes: Uint8Array, block: number) =>
          block === index
            ? bytes.map((byte, offset) => (offset === at ? byte ^ change : byte))
            : bytes;
        try {
          follow(rig, damage);
        } catch (error) {
          assert.ok(error instanceof HoldfastError, `${error}`);
          assert.equal(error.code, 'JOURNAL_CORRUPT');
          refused += 1;
        }
      }
    }
  }
  assert.ok(refused > 100);
});

test('P6: a block that is cut off or too long is refused with its place', () => {
  const rig = variedRig();
  const last = rig.blocks.length - 1;
  const size = rig.blocks[last]?.payload.length as number;
  for (let length = 0; length < size; length += 1) {
    assert.throws(
      () => follow(rig, (bytes, block) => (block === last ? bytes.subarray(0, length) : bytes)),
      { code: 'JOURNAL_CORRUPT' },
    );
  }
  const place = rig.blocks[last]?.position;
  assert.throws(
    () =>
      follow(rig, (bytes, block) =>
        block === last ? Uint8Array.from([...bytes, 1, 2, 3]) : bytes,
      ),
    { message: new RegExp(`byte ${place?.blockOffset} of segment ${place?.segment}.*verify`) },
  );
});

test('P6: a block applied twice, or one left out, is refused', () => {
  const rig = variedRig();
  const broker = rig.newBroker(new UsageMap(), rig.bodies());
  const [first, second] = rig.blocks;
  assert.ok(first && second);
  broker.apply(first.payload, first.recordCount, first.position);
  const corrupt = { code: 'JOURNAL_CORRUPT' };
  assert.throws(() => broker.apply(first.payload, first.recordCount, first.position), corrupt);
  const other = rig.newBroker(new UsageMap(), rig.bodies());
  assert.throws(() => other.apply(second.payload, second.recordCount, second.position), corrupt);
});

test('P6: records of a checkpoint have no place in the journal, nor the other way round', () => {
  const rig = variedRig();
  const broker = rig.newBroker(new UsageMap(), rig.bodies());
  const counters = encodeCounters({ highestEntryId: 1, reservedEntryIds: 1, nextQueueId: 1 });
  const corrupt = { code: 'JOURNAL_CORRUPT' };
  const position = { segment: 1, blockOffset: 512 };
  assert.throws(() => broker.apply(counters, 1, position), corrupt);
  assert.throws(() => broker.restore(encodeEntryIdsReserved(5)), corrupt);
  assert.throws(() => broker.restore(counters, 2), corrupt);
});

test('P6: whatever byte of a checkpoint is changed, it is restored as valid or refused', () => {
  const rig = variedRig();
  const [payload] = rig.broker.snapshot();
  assert.ok(payload);
  for (let at = 0; at < payload.length; at += 1) {
    for (const change of [1, 0x80, 0xff]) {
      const damaged = payload.map((byte, offset) => (offset === at ? byte ^ change : byte));
      const broker = rig.newBroker(new UsageMap(), rig.bodies());
      try {
        broker.restore(damaged);
      } catch (error) {
        assert.ok(error instanceof HoldfastError, `${error}`);
        assert.equal(error.code, 'JOURNAL_CORRUPT');
      }
    }
  }
});

test('the bytes of duplicate-ids and duplicate-limits are those of docs/records-format.md', () => {
  const hex = (record: Uint8Array) => Buffer.from(record).toString('hex');
  const address = duplicateAddress({ kind: 'topic', name: 'a/b' });
  const keys = [duplicateKeyOf('é'), duplicateKeyOf(-12), duplicateKeyOf(Uint8Array.of(0, 255))];
  assert.equal(
    hex(encodeDuplicateIds({ address, keys, ownIds: null })),
    '21000000' +
      '0b000200' +
      '03000000' +
      '0300' +
      '612f62' +
      '010200c3a9' +
      '0303002d3132' +
      '02020000ff',
  );
  assert.equal(
    hex(encodeDuplicateIds({ address, keys: keys.slice(0, 1), ownIds: 500 })),
    '1a000000' + '0b010200' + '01000000' + '0300' + '612f62' + 'f4010000' + '010200c3a9',
  );
  assert.equal(
    hex(encodeDuplicateLimits({ idsPerAddress: 20_000, maxBytes: 1 })),
    '14000000' + '0c000000' + '204e0000' + '000000000000f03f',
  );
});

test('P6: duplicate ids that cannot be are refused', () => {
  const address = duplicateAddress({ kind: 'queue', name: 'q' });
  const keys = [duplicateKeyOf('x'), duplicateKeyOf('yz')];
  const good = encodeDuplicateIds({ address, keys, ownIds: null });
  const limits = encodeDuplicateLimits({ idsPerAddress: 10, maxBytes: 10_000 });
  const apply = (...records: Uint8Array[]) => {
    const rig = new Rig();
    const broker = rig.newBroker(new UsageMap(), rig.bodies());
    const payload = Buffer.concat(records);
    broker.apply(payload, records.length, { segment: 1, blockOffset: 512 });
  };
  apply(limits, good);
  const corrupt = { code: 'JOURNAL_CORRUPT' };
  assert.throws(() => apply(limits, good, good), { ...corrupt, message: /is there already/ });
  const changed = (at: number, byte: number) =>
    good.map((old, index) => (index === at ? byte : old));
  for (const [at, byte] of [
    [6, 0],
    [6, 3],
    [8, 1],
    [8, 3],
    [12, 0],
    [15, 0],
    [15, 4],
    [16, 0],
    [16, 200],
  ] as const) {
    assert.throws(() => apply(limits, changed(at, byte)), corrupt, `${byte} at ${at}`);
  }
  const numbers = encodeDuplicateIds({ address, keys: [duplicateKeyOf(10)], ownIds: null });
  numbers[18] = 0x30;
  assert.throws(() => apply(limits, numbers), corrupt);
  const own = encodeDuplicateIds({ address, keys, ownIds: 1 });
  apply(limits, own);
  const damaged = (at: number) => own.map((old, index) => (index === at ? 0 : old));
  // Without its flag, and with no ids to remember.
  for (const at of [5, 15]) assert.throws(() => apply(limits, damaged(at)), corrupt, `at ${at}`);
  const cut = good.slice(0, 16);
  new DataView(cut.buffer).setUint32(0, cut.length, true);
  cut[5] = 1;
  assert.throws(() => apply(limits, cut), { ...corrupt, message: /remembers is missing/ });
});

test('a message has its extras in their order, and no group that does not exist', () => {
  const message = {
    contentKind: CONTENT_KIND.stomp,
    headers: Uint8Array.of(1),
    body: Uint8Array.of(2, 3),
    priority: 9,
    expiresAtMs: 0,
    deliverAtMs: 5,
    topic: 'täglich',
  };
  const read = (group: number): RecordReader => {
    const record = encodeWithoutTargets({ ...message, group }, 0);
    const reader = new RecordReader();
    reader.open(record, 0, 0);
    reader.readHeader(0);
    reader.readMessage();
    return reader;
  };
  for (const group of [1, 2047, 0x8001, 0x87ff]) {
    const reader = read(group);
    assert.deepEqual(
      [reader.deliverAtMs, reader.topic(), reader.group, reader.bodyEnd, reader.priority],
      [5, 'täglich', group, 47, 9],
    );
    assert.equal(reader.targetsStart, reader.length);
  }
  assert.equal(read(0).group, 0);
  for (const group of [0x8000, 0x0800, 0x7fff, 0xffff]) {
    assert.throws(() => read(group), /no message group/);
  }
});

test('what an entry says in a checkpoint has one way to say it, and zero is what old ones say', () => {
  const known = new Set<number>();
  for (const isRedelivered of [false, true]) {
    for (let priority = 0; priority < PRIORITIES; priority += 1) {
      for (let group = 0; group <= 2047; group += 1) {
        const traits = storedTraits(isRedelivered, priority, group);
        known.add(traits);
        assert.equal(isStoredRedelivered(traits), isRedelivered);
        assert.equal(storedPriority(traits), priority);
        assert.equal(storedGroup(traits), group);
      }
    }
  }
  assert.equal(known.size, 2 * PRIORITIES * 2048);
  assert.deepEqual([storedTraits(false, 4, 0), storedTraits(true, 4, 0)], [0, 1]);
  for (let traits = 0; traits < 65_536; traits += 1) {
    assert.equal(areStoredTraits(traits), known.has(traits), `${traits}`);
  }
});
