/** Operators' orders when what they move to is full, or the node writes nothing more; and what expires by an order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WHEN_FULL } from '../../../src/broker/address-settings.js';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { depth, Rig, type RigOptions, type TestClient } from './broker-rig.js';
import { act, begin, browse, filled, Order } from './operator-rig.js';

const { auto } = ACKNOWLEDGEMENT;
const RETRY = { kind: 'retry', mayGoTo: () => true } as const;
const text = new TextDecoder();

function send(client: TestClient, destination: string, ...bodies: string[]): void {
  for (const body of bodies) client.send(destination, body);
}

function headersOf(rig: Rig, queue: string): string[] {
  const found: string[] = [];
  rig.broker.management.browse(
    {
      ...{ queue, selector: null, after: 0, upTo: null, limit: 100 },
      onMessage: ({ bytes, headersStart, headersEnd }) =>
        found.push(text.decode(bytes.subarray(headersStart, headersEnd))),
    },
    { done: () => undefined, failed: (error) => assert.fail(error) },
  );
  rig.settle();
  return found;
}

for (const whenFull of WHEN_FULL) {
  for (const kind of ['move', 'copy'] as const) {
    test(`${whenFull}: a ${kind} fills its target and no more, and goes on from there`, () => {
      const rig = new Rig({ addresses: { small: { maxMessages: 2, whenFull } } });
      const client = rig.connect();
      send(client, '/queue/q', '1', '2', '3');
      rig.settle();
      const first = act(rig, 'q', { kind, to: 'small' });
      assert.deepEqual([first.done, first.skipped, first.isComplete], [2, 0, false]);
      assert.match(first.reason ?? '', /^Queue "small" is full: 2 messages or \d+ bytes/);
      assert.deepEqual(browse(rig, 'small').bodies, ['1', '2']);
      assert.deepEqual(browse(rig, 'q').bodies, kind === 'move' ? ['3'] : ['1', '2', '3']);
      client.listen('/queue/small', { mode: auto });
      rig.settle();
      const { after, upTo } = first;
      const second = act(rig, 'q', { kind, to: 'small' }, { after, upTo });
      assert.deepEqual([second.done, second.isComplete, second.reason], [1, true, null]);
      assert.deepEqual(client.bodies, ['1', '2', '3']);
      assert.equal(rig.broker.statistics().dropped, 0);
      rig.checkTwins();
    });
  }

  test(`${whenFull}: a retry leaves what has no room, and takes others back`, () => {
    const rig = new Rig({
      addresses: { small: { maxMessages: 1, whenFull }, news: { maxMessages: 1, whenFull } },
    });
    const client = rig.connect();
    const subscriber = rig.connect();
    const durable = { clientId: 'c', name: 's' };
    subscriber.listen('/topic/news', { durable });
    send(client, '/queue/small', 'there');
    send(client, '/topic/news', 'there');
    for (const origin of ['/queue/small', '/topic/news', '/queue/large']) {
      client.send('/queue/DLQ.all', origin, { headers: `original-destination:${origin}\n` });
    }
    rig.settle();
    const outcome = act(rig, 'DLQ.all', RETRY);
    assert.deepEqual([outcome.done, outcome.skipped, outcome.isComplete], [1, 2, true]);
    assert.match(outcome.reason ?? '', /^Queue "small" is full/);
    assert.deepEqual(browse(rig, 'DLQ.all').bodies, ['/queue/small', '/topic/news']);
    assert.deepEqual(browse(rig, 'large').bodies, ['/queue/large']);
    assert.equal(rig.broker.statistics().dropped, 0);
    rig.checkTwins();
  });
}

test('a full store takes no copies, but what is there may be moved', () => {
  const rig = new Rig({ limits: { storeMaxMessages: 2 } });
  send(rig.connect(), '/queue/q', '1', '2', '3');
  rig.settle();
  const copied = act(rig, 'q', { kind: 'copy', to: 'other' });
  assert.deepEqual([copied.done, copied.isComplete], [0, false]);
  assert.match(copied.reason ?? '', /^The store is full/);
  assert.equal(act(rig, 'q', { kind: 'move', to: 'other' }).done, 3);
  rig.checkTwins();
});

test('while the node holds producers nothing is moved, and a purge makes room', () => {
  const rig = new Rig({ addresses: { q: { expiryAddress: 'late' } } });
  const client = rig.connect();
  send(client, '/queue/q', '1', '2');
  client.send('/queue/DLQ.q', 'x', { headers: 'original-destination:/queue/q\n' });
  rig.settle();
  rig.broker.holdProducers({ reason: 'the disk is nearly full', isBrief: false });
  for (const [queue, action] of [
    ['q', { kind: 'move', to: 'other' }],
    ['q', { kind: 'copy', to: 'other' }],
    ['q', { kind: 'expire' }],
    ['DLQ.q', RETRY],
  ] as const) {
    const { done, skipped, isComplete, reason } = act(rig, queue, action);
    assert.deepEqual([done, skipped, isComplete], [0, 0, false], action.kind);
    assert.equal(reason, 'Nothing more is written now: the disk is nearly full.');
  }
  assert.equal(act(rig, 'q', { kind: 'purge' }).done, 2);
  rig.broker.releaseProducers();
  assert.equal(act(rig, 'DLQ.q', RETRY).done, 1);
  rig.checkTwins();
});

const MAKES_ROOM = { reason: 'room is being made', isBrief: true } as const;

const COPYING = [
  { kind: 'move', to: 'other' },
  { kind: 'copy', to: 'other' },
] as const;
const WRITING = [...COPYING, { kind: 'expire' }, RETRY] as const;

/** Three messages, which each order that writes can carry out: they are dead letters of `other`. */
function withDeadLetters(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  const client = rig.connect();
  for (const body of ['1', '2', '3']) {
    client.send('/queue/q', body, { headers: 'original-destination:/queue/other\n' });
  }
  rig.settle();
  return rig;
}

for (const action of WRITING) {
  test(`${action.kind} waits while the node makes room, and goes on`, () => {
    const rig = withDeadLetters({ addresses: { q: { expiryAddress: 'other' } } });
    rig.broker.holdProducers(MAKES_ROOM);
    const order = begin(rig, 'q', action);
    rig.settle();
    assert.equal(order.isOver, false);
    assert.equal(act(rig, 'q', { kind: 'purge' }, { ids: [2] }).done, 1);
    rig.broker.releaseProducers();
    rig.settle();
    assert.deepEqual([order.result?.done, order.result?.reason], [2, null]);
    assert.deepEqual(browse(rig, 'other').bodies, ['1', '3']);
    rig.checkTwins();
  });

  test(`${action.kind} ends when its queue is removed while it waits for room`, () => {
    const rig = withDeadLetters({ addresses: { q: { expiryAddress: 'other' } } });
    rig.broker.holdProducers(MAKES_ROOM);
    const order = begin(rig, 'q', action);
    rig.settle();
    act(rig, 'q', { kind: 'purge' });
    rig.broker.management.delete('q', new Order());
    rig.broker.releaseProducers();
    rig.settle();
    assert.match(String(order.error), /Queue "q" was removed meanwhile/);
    rig.checkTwins();
  });
}

test('what only removes does not wait for room', () => {
  const rig = withDeadLetters();
  rig.broker.holdProducers(MAKES_ROOM);
  assert.equal(act(rig, 'q', { kind: 'expire' }, { ids: [1] }).done, 1);
  assert.equal(act(rig, 'q', { kind: 'purge' }).done, 2);
});

for (const action of COPYING) {
  for (const isHeld of [true, false]) {
    test(`a ${action.kind} ends when its target is removed before it has begun (held: ${isHeld})`, () => {
      const { rig } = filled(3);
      if (isHeld) rig.broker.holdProducers(MAKES_ROOM);
      const order = begin(rig, 'q', action);
      if (isHeld) rig.settle();
      rig.broker.management.delete('other', new Order());
      rig.broker.releaseProducers();
      rig.settle();
      assert.match(String(order.error), /Queue "other" was removed meanwhile/);
      rig.takeOver();
      assert.deepEqual([depth(rig.broker, 'q'), depth(rig.broker, 'other')], [3, 0]);
      rig.checkTwins();
    });
  }

  test(`a ${action.kind} ends when its target is purged and removed between two slices of it`, () => {
    const { rig } = filled(2_500);
    const order = begin(rig, 'q', action);
    untilSomeAreIn(rig, 'other');
    rig.broker.holdProducers(MAKES_ROOM);
    rig.settle();
    const moved = act(rig, 'other', { kind: 'purge' }).done;
    rig.broker.management.delete('other', new Order());
    rig.broker.releaseProducers();
    rig.settle();
    assert.match(String(order.error), /Queue "other" was removed meanwhile/);
    rig.takeOver();
    assert.equal(depth(rig.broker, 'q'), action.kind === 'move' ? 2_500 - moved : 2_500);
    rig.checkTwins();
  });
}

/** Runs an order until what it did first is committed. */
function untilSomeAreIn(rig: Rig, queue: string): void {
  while (depth(rig.broker, queue) === 0) {
    const task = rig.waitingTasks.shift();
    if (task === undefined) assert.ok(rig.commitNext());
    else task();
  }
}

test('an order that waits for room ends when there will be none, and with the tenure', () => {
  const { rig } = filled(2_500);
  const full = begin(rig, 'q', { kind: 'move', to: 'other' });
  untilSomeAreIn(rig, 'other');
  rig.broker.holdProducers(MAKES_ROOM);
  rig.settle();
  assert.equal(full.isOver, false);
  rig.broker.holdProducers({ reason: 'the disk is full', isBrief: false });
  rig.settle();
  assert.deepEqual([full.result?.done, full.result?.isComplete], [1_000, false]);
  assert.equal(full.result?.reason, 'Nothing more is written now: the disk is full.');

  rig.broker.holdProducers(MAKES_ROOM);
  const cut = begin(rig, 'q', { kind: 'move', to: 'other' });
  rig.settle();
  rig.broker.stopServing();
  assert.match(String(cut.error), /does not serve any more/);
  rig.takeOver();
  assert.equal(depth(rig.broker, 'other'), 1_000);
  assert.equal(act(rig, 'q', { kind: 'move', to: 'other' }).done, 1_500);
  rig.checkTwins();
});

test('an order to expire keeps messages at the expiry address, however full that is, before it is answered', () => {
  const rig = new Rig({
    addresses: { q: { expiryAddress: 'late' }, late: { maxMessages: 1, whenFull: 'reject' } },
  });
  const client = rig.connect();
  const expiresAtMs = rig.nowMs + 60_000;
  client.send('/queue/q', 'with', { expiresAtMs });
  send(client, '/queue/q', 'without');
  rig.settle();
  const order = begin(rig, 'q', { kind: 'expire' });
  rig.settle();
  assert.deepEqual([order.result?.done, order.result?.reason], [2, null]);
  rig.takeOver();
  assert.equal(depth(rig.broker, 'q'), 0);
  assert.deepEqual(browse(rig, 'late').bodies, ['with', 'without']);
  const headers = headersOf(rig, 'late');
  assert.match(headers[0] ?? '', new RegExp(`expired:${expiresAtMs}\n`));
  assert.match(headers[1] ?? '', new RegExp(`expired:${rig.nowMs}\n`));
  assert.match(headers[1] ?? '', /why:It expired/);
  rig.nowMs = expiresAtMs;
  rig.broker.sweep();
  rig.settle();
  assert.equal(depth(rig.broker, 'late'), 2, 'it expires only once');
  rig.checkTwins();
});
