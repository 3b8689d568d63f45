/** What operators order, through the same batches as clients: what is confirmed is stored, and nothing is lost or doubled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import type { MessageAction } from '../../../src/broker/management-api.js';
import { parseSelector } from '../../../src/selector/selector.js';
import { depth } from './broker-rig.js';
import { ALL, act, begin, browse, filled, Order } from './operator-rig.js';

for (const cold of [false, true]) {
  test(`a purge leaves what a consumer has, and what comes after it began (cold: ${cold})`, () => {
    const { rig, client } = filled(5, { cold });
    client.listen('/queue/q', { prefetch: 2 });
    rig.settle();
    const order = begin(rig, 'q', { kind: 'purge' });
    client.send('/queue/q', 'later');
    rig.settle();
    assert.deepEqual(order.result, {
      ...{
        done: 3,
        skipped: 2,
        reason: 'Consumers or transactions have some of them.',
        isComplete: true,
        after: 5,
        upTo: 5,
      },
      copies: [],
    });
    assert.deepEqual(browse(rig, 'q').bodies, ['1', '2', 'later']);
    rig.checkTwins();
  });

  test(`a selector and a limit say which messages are moved, in their order (cold: ${cold})`, () => {
    const { rig } = filled(6, { cold });
    const selector = parseSelector("number IN ('2', '4', '6')");
    const outcome = act(rig, 'q', { kind: 'move', to: 'other' }, { selector, limit: 2 });
    assert.equal(outcome.done, 2);
    assert.equal(outcome.isComplete, false);
    assert.deepEqual(browse(rig, 'other').bodies, ['2', '4']);
    assert.deepEqual(browse(rig, 'q').bodies, ['1', '3', '5', '6']);
    assert.deepEqual(
      browse(rig, 'other').ids,
      outcome.copies.map(({ to }) => to),
    );
    rig.checkTwins();
  });
}

test('P1: an order is confirmed when its batch is committed, and not before', () => {
  const { rig } = filled(3);
  const order = begin(rig, 'q', { kind: 'purge' });
  for (let task = rig.waitingTasks.shift(); task !== undefined; task = rig.waitingTasks.shift()) {
    task();
  }
  const batch = rig.broker.takeBatch();
  assert.ok(batch);
  const position = rig.store(batch);
  assert.equal(order.isOver, false);
  rig.broker.committed(batch, position);
  rig.settle();
  assert.equal(order.isOver, true);
});

test('a move can be undone by the ids that it told', () => {
  const { rig } = filled(3);
  const { copies } = act(rig, 'q', { kind: 'move', to: 'other' }, { ids: [3, 1, 99, 1] });
  assert.deepEqual(
    copies.map(({ from }) => from),
    [1, 3],
  );
  const back = act(rig, 'other', { kind: 'move', to: 'q' }, { ids: copies.map(({ to }) => to) });
  assert.equal(back.done, 2);
  assert.equal(depth(rig.broker, 'other'), 0);
  assert.deepEqual(browse(rig, 'q').bodies, ['2', '1', '3']);
  rig.checkTwins();
});

test('a copy leaves the messages where they are, those with a consumer too', () => {
  const { rig, client } = filled(3);
  client.listen('/queue/q', { prefetch: 1 });
  rig.settle();
  assert.equal(act(rig, 'q', { kind: 'copy', to: 'other' }).done, 3);
  assert.deepEqual(browse(rig, 'other').bodies, ['1', '2', '3']);
  assert.equal(depth(rig.broker, 'q'), 3);
  rig.checkTwins();
});

test('an order goes on behind where another one ended at its limit', () => {
  const { rig } = filled(5);
  const first = act(rig, 'q', { kind: 'copy', to: 'other' }, { limit: 2 });
  const { after, upTo } = first;
  const second = act(rig, 'q', { kind: 'copy', to: 'other' }, { after, upTo });
  assert.equal(second.done, 3);
  assert.deepEqual(browse(rig, 'other').bodies, ['1', '2', '3', '4', '5']);
});

test('what is expired is gone and counted, also what waits for its time', () => {
  const { rig, client } = filled(2);
  client.send('/queue/q', 'later', { deliverAtMs: rig.nowMs + 1_000 });
  client.send('/queue/q', 'in memory', { durable: false });
  rig.settle();
  assert.deepEqual(browse(rig, 'q').states, ['ready', 'ready', 'scheduled', 'ready']);
  assert.equal(act(rig, 'q', { kind: 'expire' }).done, 4);
  assert.equal(rig.broker.statistics().expired, 4);
  assert.equal(depth(rig.broker, 'q'), 0);
  rig.nowMs += 2_000;
  rig.broker.sweep();
  rig.checkTwins();
});

test('a message that is moved stays in its message group', () => {
  const { rig, client } = filled(0);
  for (const body of ['1', '2', '3', '4']) client.send('/queue/q', body, { groupId: 'g' });
  rig.settle();
  act(rig, 'q', { kind: 'move', to: 'other' });
  const one = rig.connect();
  const two = rig.connect();
  for (const consumer of [one, two]) consumer.listen('/queue/other', { prefetch: 10 });
  rig.settle();
  const got = [one.bodies, two.bodies].sort((a, b) => a.length - b.length);
  assert.deepEqual(got, [[], ['1', '2', '3', '4']]);
  rig.checkTwins();
});

test('a message that is moved keeps its priority, expiry, time of delivery and timestamp', () => {
  const { rig, client } = filled(0);
  const deliverAtMs = rig.nowMs + 5_000;
  const sentAtMs = rig.nowMs;
  client.send('/queue/q', 'x', { priority: 7, expiresAtMs: 9_000_000, deliverAtMs });
  rig.settle();
  rig.nowMs += 1_000;
  assert.equal(act(rig, 'q', { kind: 'move', to: 'other' }).done, 1);
  client.listen('/queue/other');
  rig.settle();
  assert.deepEqual(client.bodies, []);
  rig.nowMs = deliverAtMs;
  rig.broker.sweep();
  const { priority, expiresAtMs, timestampMs } = client.last();
  assert.deepEqual(
    { priority, expiresAtMs, timestampMs },
    {
      priority: 7,
      expiresAtMs: 9_000_000,
      timestampMs: sentAtMs,
    },
  );
  rig.checkTwins();
});

test('retry sends a dead letter back to where it came from, and skips what says no such place', () => {
  const { rig, client } = filled(0);
  const durable = { clientId: 'c', name: 's' };
  client.listen('/topic/news', { durable });
  for (const origin of ['/queue/orders', '/topic/news', '/topic/nobody', '/queue/temporary:x']) {
    client.send('/queue/DLQ.all', origin, { headers: `original-destination:${origin}\n` });
  }
  client.send('/queue/DLQ.all', 'no origin');
  rig.settle();
  const outcome = act(rig, 'DLQ.all', { kind: 'retry', mayGoTo: () => true });
  assert.deepEqual([outcome.done, outcome.skipped], [2, 3]);
  // What went to a topic is with its subscribers, and cannot be moved back.
  assert.deepEqual(
    outcome.copies.map(({ from, queue }) => ({ from, queue })),
    [{ from: 1, queue: 'orders' }],
  );
  assert.deepEqual(browse(rig, 'orders').bodies, ['/queue/orders']);
  assert.deepEqual(client.bodies, ['/topic/news']);
  assert.deepEqual(browse(rig, 'DLQ.all').bodies, [
    '/topic/nobody',
    '/queue/temporary:x',
    'no origin',
  ]);
  rig.checkTwins();
});

/** Small batches, so that the order takes many of them, and a takeover after each. */
const INTERRUPTED = [
  { action: { kind: 'purge' }, afterBatches: [1, 2, 4] },
  { action: { kind: 'move', to: 'other' }, afterBatches: [1, 3, 7, 20] },
] as const;

for (const { action, afterBatches } of INTERRUPTED) {
  for (const batches of afterBatches) {
    test(`P1, P2: a takeover after ${batches} batches of a ${action.kind} loses and doubles nothing`, () => {
      const { rig } = filled(3_000);
      const order = begin(rig, 'q', action);
      let committed = 0;
      while (committed < batches) {
        const next = rig.waitingLoads.shift() ?? rig.waitingTasks.shift();
        if (next !== undefined) next();
        else if (rig.commitNext()) committed += 1;
        else assert.fail('the order was over before');
      }
      // More of it is decided, and dies with the node.
      rig.waitingTasks.shift()?.();
      assert.equal(order.result, null);
      rig.broker.stopServing();
      assert.match(String(order.error), /does not serve any more/);
      rig.waitingTasks.length = 0;
      rig.takeOver();
      const left = depth(rig.broker, 'q');
      assert.ok(left > 0 && left < 3_000, `${left} are left`);
      const again = act(rig, 'q', action);
      assert.equal(again.done, left);
      assert.equal(depth(rig.broker, 'q'), 0);
      if (action.kind === 'move') {
        const all = rig.broker.inspection.queue('other')?.messages;
        assert.equal(all, 3_000);
        const numbers: string[] = [];
        for (let after: number | null = 0; after !== null; ) {
          const page = browse(rig, 'other', null, 1_000, after);
          numbers.push(...page.bodies);
          after = page.next;
        }
        assert.equal(new Set(numbers).size, 3_000);
      }
      rig.checkTwins();
    });
  }
}

test('a slice of an order is bounded, and clients are served between two of them', () => {
  const { rig, client } = filled(5_000, { maxBatchBytes: 1_000_000 });
  const order = begin(rig, 'q', { kind: 'purge' });
  let removedAtMost = 0;
  let turns = 0;
  client.listen('/queue/answers');
  while (order.result === null) {
    const before = rig.broker.inspection.queue('q')?.ready ?? 0;
    const task = rig.waitingTasks.shift();
    if (task === undefined) {
      client.send('/queue/answers', String(turns));
      rig.commitNext();
      continue;
    }
    task();
    turns += 1;
    removedAtMost = Math.max(
      removedAtMost,
      before - (rig.broker.inspection.queue('q')?.ready ?? 0),
    );
  }
  assert.equal(removedAtMost, 1_000);
  assert.ok(client.bodies.length >= 5);
});

test('a paused queue delivers nothing but to browsers, tells who drains so, and goes on when resumed', () => {
  const { rig, client } = filled(2);
  const { management } = rig.broker;
  management.pause('q');
  const subscriber = client.listen('/queue/q', { token: 'listening' });
  let drained = 0;
  client.session.drain(subscriber, () => {
    drained += 1;
  });
  client.send('/queue/q', '3');
  rig.settle();
  assert.deepEqual(client.bodies, []);
  assert.equal(drained, 1);
  assert.equal(rig.broker.inspection.queue('q')?.paused, true);
  const looker = rig.connect();
  looker.listen('/queue/q', { browses: true, mode: ACKNOWLEDGEMENT.auto });
  rig.settle();
  assert.deepEqual(looker.bodies, ['1', '2', '3']);
  management.resume('q');
  assert.deepEqual(client.bodies, ['1', '2', '3']);
  rig.checkTwins();
});

test('a pause ends with the tenure', () => {
  const { rig } = filled(1);
  rig.broker.management.pause('q');
  rig.broker.stopServing();
  rig.broker.startServing();
  const client = rig.connect();
  client.listen('/queue/q');
  assert.deepEqual(client.bodies, ['1']);
});

test('browsing shows messages wherever they are, page by page', () => {
  const { rig, client } = filled(4, { cold: true });
  const subscriber = client.listen('/queue/q', { prefetch: 1 });
  rig.settle();
  client.session.begin('t');
  client.session.acknowledge(subscriber, client.last().entryId, null, 't');
  rig.settle();
  const first = browse(rig, 'q', null, 3);
  assert.deepEqual(first.states, ['in-transaction', 'delivered', 'ready']);
  assert.equal(first.next, 3);
  const second = browse(rig, 'q', null, 3, first.next ?? 0);
  assert.deepEqual(second.bodies, ['4']);
  assert.equal(second.next, null);
  assert.deepEqual(browse(rig, 'q', "number = '2'").bodies, ['2']);
  assert.equal(depth(rig.broker, 'q'), 4);
  assert.deepEqual(
    rig.broker.inspection
      .transactions()
      .map(({ name, messages, settlements }) => [name, messages, settlements]),
    [['t', 0, 1]],
  );
});

test('a browse that finds nothing goes on where it ended, however many it looked at', () => {
  const { rig } = filled(20_001, { maxBatchBytes: 1_000_000 });
  const first = browse(rig, 'q', "number = '20001'");
  assert.deepEqual([first.bodies, first.next], [[], 20_000]);
  const second = browse(rig, 'q', "number = '20001'", 1, first.next ?? 0);
  assert.deepEqual(second.bodies, ['20001']);
});

test('queues are made and deleted; one with consumers or messages stays', () => {
  const { rig, client } = filled(1);
  const { management } = rig.broker;
  const made = new Order<{ isNew: boolean }>();
  management.create('new', made);
  const known = new Order<{ isNew: boolean }>();
  management.create('new', known);
  rig.settle();
  assert.deepEqual([made.result, known.result], [{ isNew: true }, { isNew: false }]);
  assert.throws(() => management.delete('q', new Order()), { code: 'QUEUE_IN_USE' });
  act(rig, 'q', { kind: 'purge' });
  const subscriber = client.listen('/queue/q');
  assert.throws(() => management.delete('q', new Order()), { code: 'QUEUE_IN_USE' });
  client.session.unsubscribe(subscriber, null);
  const deleted = new Order<null>();
  let isDone = false;
  deleted.done = () => {
    isDone = true;
  };
  management.delete('q', deleted);
  rig.settle();
  assert.equal(isDone, true);
  assert.equal(rig.broker.inspection.queue('q'), null);
  assert.throws(() => management.delete('q', new Order()), { code: 'NOT_FOUND' });
  rig.checkTwins();
});

test('orders that cannot be are refused, and nothing is done', () => {
  const { rig, client } = filled(1);
  const { management } = rig.broker;
  client.session.createTemporary({ kind: 'queue', name: 'temporary:1' });
  const order = (queue: string, action: MessageAction) => () =>
    management.act(queue, action, ALL, new Order());
  assert.throws(order('missing', { kind: 'purge' }), { code: 'NOT_FOUND' });
  assert.throws(order('q', { kind: 'move', to: 'q' }), /name another/);
  assert.throws(order('q', { kind: 'move', to: 'temporary:1' }), /temporary/);
  assert.throws(order('q', { kind: 'move', to: 'temporary:2' }), { code: 'DESTINATION_GONE' });
  assert.throws(() => management.closeConnection(-1, ''), { code: 'NOT_FOUND' });
  rig.settle();
  assert.equal(depth(rig.broker, 'q'), 1);
  rig.broker.stopServing();
  assert.throws(order('q', { kind: 'purge' }), { code: 'OWNERSHIP_LOST' });
});

test('connections and consumers are told with what they hold, without the node itself', () => {
  const { rig, client } = filled(3);
  const listener = rig.connect(rig.broker, 'billing');
  listener.listen('/queue/q', { prefetch: 2, selector: "number <> '3'" });
  rig.broker.openSession(client, 'housekeeping', { isOfNode: true });
  rig.settle();
  const connections = rig.broker.inspection.connections();
  assert.deepEqual(
    connections.map(({ clientId, consumers, unacknowledged, sends }) => [
      clientId,
      consumers,
      unacknowledged,
      sends,
    ]),
    [
      [null, 0, 0, true],
      ['billing', 1, 2, false],
    ],
  );
  const [consumer] = rig.broker.inspection.consumers();
  assert.equal(consumer?.connection, connections[1]?.id);
  assert.equal(consumer?.acknowledgement, 'individual');
  rig.broker.management.closeConnection(connections[1]?.id ?? 0, 'An operator closed it.');
  assert.deepEqual(listener.aborted, ['An operator closed it.']);
});

test('of its clients and of what is counted a backup knows nothing, and says so', () => {
  const { rig, client } = filled(3);
  client.listen('/queue/q', { prefetch: 2 });
  client.listen('/topic/t', { durable: { clientId: 'one', name: 'sub' } });
  rig.settle();
  const unknown = { ready: null, unacknowledged: null, consumers: null, counts: null };
  const { inspection } = rig.follower().broker;
  const followed = inspection.queue('q');
  assert.deepEqual({ ...followed, ...unknown, paused: null }, followed);
  assert.equal(followed?.messages, 3);
  assert.equal(inspection.subscriptions()[0]?.counts, null);
  assert.equal(inspection.topics()[0]?.consumers, null);

  const known = rig.broker.inspection.queue('q');
  assert.deepEqual([known?.ready, known?.unacknowledged, known?.counts?.arrived], [1, 2, 3]);
  assert.equal(rig.broker.inspection.topics()[0]?.consumers, 1);
  rig.broker.stopServing();
  assert.equal(rig.broker.inspection.queue('q')?.ready, null);
});
