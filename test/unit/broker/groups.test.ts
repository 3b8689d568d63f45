/** Message groups: one consumer for each, in order, until it is gone or the group is closed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import { groupMark } from '../../../src/broker/message-groups.js';
import {
  type ListenOptions,
  type Received,
  Rig,
  type RigOptions,
  type SendOptions,
  type TestClient,
} from './broker-rig.js';

const QUEUE = '/queue/q';

/** `a1` is the first message of group `a`; `-1` the first without a group; `a2!` closes its group. */
function sendAll(rig: Rig, names: readonly string[], options: SendOptions = {}): void {
  const sender = rig.connect();
  for (const name of names) {
    const groupId = name.startsWith('-') ? '' : name.charAt(0);
    sender.send(QUEUE, name, { ...options, groupId, closesGroup: name.endsWith('!') });
  }
  rig.settle();
}

function listening(rig: Rig, options: ListenOptions = {}): TestClient {
  const client = rig.connect();
  client.listen(QUEUE, options);
  rig.settle();
  return client;
}

function acknowledgeAll(rig: Rig, client: TestClient): void {
  for (const message of client.received.splice(0)) client.acknowledge(message);
  rig.settle();
}

describe('message groups', () => {
  test('each goes to one consumer, in order, and the consumers share the groups', () => {
    const rig = new Rig();
    const [one, two] = [listening(rig), listening(rig)];
    sendAll(rig, ['a1', 'b1', 'a2', 'a3', 'b2', '-1', '-2']);
    assert.deepEqual(
      one.bodies.filter((body) => !body.startsWith('-')),
      ['a1', 'a2', 'a3'],
    );
    assert.deepEqual(
      two.bodies.filter((body) => !body.startsWith('-')),
      ['b1', 'b2'],
    );
    assert.equal(one.bodies.length + two.bodies.length, 7);
    acknowledgeAll(rig, one);
    acknowledgeAll(rig, two);
    sendAll(rig, ['b3', 'a4', 'b4', 'a5']);
    assert.deepEqual(
      [one.takeBodies(), two.takeBodies()],
      [
        ['a4', 'a5'],
        ['b3', 'b4'],
      ],
    );
    rig.checkTwins();
  });

  test('an owner that can take no more blocks its groups, and nobody else', () => {
    const rig = new Rig();
    const busy = listening(rig, { prefetch: 1 });
    sendAll(rig, ['a1']);
    const other = listening(rig);
    sendAll(rig, ['a2', 'b1', '-1', 'a3', 'b2']);
    assert.deepEqual(busy.bodies, ['a1']);
    assert.deepEqual(other.bodies, ['b1', '-1', 'b2']);
    acknowledgeAll(rig, busy);
    assert.deepEqual(busy.bodies, ['a2']);
    rig.checkTwins();
  });

  test('a consumer that comes later gets what is new, and nothing of groups that others have', () => {
    const rig = new Rig();
    const first = listening(rig);
    sendAll(rig, ['a1', 'b1']);
    const second = listening(rig);
    sendAll(rig, ['a2', 'b2', 'c1', 'd1', 'c2', 'd2']);
    assert.deepEqual(first.bodies.slice(0, 4), ['a1', 'b1', 'a2', 'b2']);
    assert.deepEqual([...first.bodies.slice(4), ...second.bodies].sort(), ['c1', 'c2', 'd1', 'd2']);
    assert.ok(second.bodies.length === 2 || second.bodies.length === 4);
  });

  test('what a consumer leaves behind goes to another one, in order and before what is behind it', () => {
    const rig = new Rig();
    const leaving = listening(rig, { prefetch: 2 });
    sendAll(rig, ['a1', 'a2', 'a3', 'a4']);
    const staying = listening(rig);
    sendAll(rig, ['a5', 'b1']);
    assert.deepEqual(staying.takeBodies(), ['b1']);
    leaving.session.close();
    rig.settle();
    assert.deepEqual(staying.takeBodies(), ['a1', 'a2', 'a3', 'a4', 'a5']);
    rig.checkTwins();
  });

  test('what is in an open transaction holds the group when its consumer unsubscribes', () => {
    const rig = new Rig();
    const leaving = rig.connect();
    const subscriber = leaving.listen(QUEUE, { prefetch: 1, returnsAtRollback: true });
    sendAll(rig, ['a1', 'a2']);
    const staying = listening(rig);
    leaving.session.begin('t');
    leaving.acknowledge(leaving.last(), 't');
    rig.settle();
    assert.deepEqual(leaving.bodies, ['a1', 'a2']);
    leaving.session.unsubscribe(subscriber, null);
    rig.settle();
    assert.deepEqual(staying.takeBodies(), []);
    leaving.session.rollback('t', null);
    rig.settle();
    assert.deepEqual(staying.takeBodies(), ['a1', 'a2']);
    rig.checkTwins();
  });

  test('what is rejected or rolled back goes to its owner again, in order', () => {
    const rig = new Rig();
    const owner = listening(rig, { prefetch: 2, returnsAtRollback: true });
    const other = listening(rig);
    sendAll(rig, ['a1', 'a2', 'a3']);
    const [first, second] = owner.received.splice(0) as [Received, Received];
    owner.settle(first, REJECTION.released);
    rig.settle();
    assert.deepEqual(owner.takeBodies(), ['a1']);
    owner.session.begin('t');
    owner.acknowledge(second, 't');
    rig.settle();
    assert.deepEqual(owner.takeBodies(), ['a3']);
    owner.session.rollback('t', null);
    rig.settle();
    assert.deepEqual(other.bodies, []);
    owner.session.close();
    rig.settle();
    assert.deepEqual(other.bodies, ['a1', 'a2', 'a3']);
  });

  test('one that failed and waits for another attempt is not overtaken by its group', () => {
    const rig = new Rig({ limits: { redeliveryDelayMs: 100 } });
    const owner = listening(rig, { prefetch: 1 });
    const other = listening(rig);
    sendAll(rig, ['a1', 'a2', 'b1']);
    owner.reject(owner.last());
    rig.settle();
    assert.deepEqual([owner.takeBodies(), other.takeBodies()], [['a1'], ['b1']]);
    sendAll(rig, ['a3']);
    assert.deepEqual(owner.takeBodies(), []);
    rig.nowMs += 200;
    rig.broker.sweep();
    rig.settle();
    for (const body of ['a1', 'a2', 'a3']) {
      assert.deepEqual(owner.bodies, [body]);
      acknowledgeAll(rig, owner);
    }
    assert.deepEqual(other.bodies, []);
    rig.checkTwins();
  });

  test('also when its owner is gone meanwhile, and when it expires', () => {
    const rig = new Rig({ limits: { redeliveryDelayMs: 100 } });
    const owner = listening(rig, { prefetch: 1 });
    const other = listening(rig);
    sendAll(rig, ['a1'], { expiresAtMs: rig.nowMs + 50 });
    sendAll(rig, ['a2']);
    owner.reject(owner.last());
    owner.session.close();
    rig.settle();
    assert.deepEqual(other.takeBodies(), []);
    rig.nowMs += 60;
    rig.broker.sweep();
    rig.settle();
    assert.deepEqual(other.takeBodies(), ['a2']);
  });

  test('a closed group may go to another consumer, once everything of it is acknowledged', () => {
    const rig = new Rig();
    const first = listening(rig, { prefetch: 2 });
    sendAll(rig, ['a1', 'a2!']);
    const second = listening(rig);
    const fill = ['b1', 'c1', 'a3', 'a4'];
    sendAll(rig, fill);
    assert.deepEqual(
      [first.bodies, second.bodies],
      [
        ['a1', 'a2!'],
        ['b1', 'c1'],
      ],
    );
    first.acknowledge(first.received[0] as Received);
    rig.settle();
    assert.ok(!second.bodies.includes('a3') && !first.bodies.includes('a3'));
    first.acknowledge(first.received[1] as Received);
    rig.settle();
    const taker = second.bodies.includes('a3') ? second : first;
    assert.deepEqual(taker.bodies.slice(-2), ['a3', 'a4']);
    rig.checkTwins();
  });

  test('a group that is closed and rolled back is closed by the same message again', () => {
    const rig = new Rig();
    const first = listening(rig);
    sendAll(rig, ['a1!', 'a2']);
    assert.deepEqual(first.bodies, ['a1!']);
    const second = listening(rig);
    first.session.close();
    rig.settle();
    assert.deepEqual(second.takeBodies(), ['a1!']);
    second.session.close();
    rig.settle();
    const third = listening(rig, { mode: ACKNOWLEDGEMENT.auto });
    assert.deepEqual(third.bodies, ['a1!', 'a2']);
  });

  test('without acknowledgements a group stays with its consumer, and is closed at once', () => {
    const rig = new Rig();
    const [one, two] = [0, 1].map(() => listening(rig, { mode: ACKNOWLEDGEMENT.auto }));
    sendAll(rig, ['a1', 'b1', 'a2', 'b2', 'a3!', 'b3']);
    assert.deepEqual(
      [one?.takeBodies(), two?.takeBodies()],
      [
        ['a1', 'a2', 'a3!'],
        ['b1', 'b2', 'b3'],
      ],
    );
    sendAll(rig, ['a4', 'a5']);
    const [left, right] = [one?.takeBodies(), two?.takeBodies()];
    assert.deepEqual([...(left ?? []), ...(right ?? [])], ['a4', 'a5']);
    assert.ok(left?.length === 0 || right?.length === 0);
  });

  test('who does not select a message does not get its group by it', () => {
    const rig = new Rig();
    const red = listening(rig, { selector: "color = 'red'" });
    const blue = listening(rig, { selector: "color = 'blue'" });
    sendAll(rig, ['a1', 'a2'], { headers: 'color:blue\n' });
    assert.deepEqual([red.bodies, blue.bodies], [[], ['a1', 'a2']]);
    sendAll(rig, ['b1'], { headers: 'color:red\n' });
    sendAll(rig, ['b2'], { headers: 'color:blue\n' });
    assert.deepEqual([red.bodies, blue.bodies], [['b1'], ['a1', 'a2', 'b2']]);
    const all = listening(rig);
    sendAll(rig, ['a3', 'b3'], { headers: 'color:green\n' });
    assert.deepEqual(all.bodies, ['a3', 'b3']);
    sendAll(rig, ['b4'], { headers: 'color:red\n' });
    assert.deepEqual(red.bodies, ['b1', 'b4']);
  });

  test('browsers see everything, whoever has it', () => {
    const rig = new Rig();
    listening(rig, { prefetch: 1 });
    sendAll(rig, ['a1', 'a2', 'b1', 'a3']);
    const browser = listening(rig, { mode: ACKNOWLEDGEMENT.auto, browses: true });
    assert.deepEqual(browser.bodies, ['a2', 'b1', 'a3']);
  });

  test('browsers see nothing twice when a group becomes free', () => {
    const rig = new Rig();
    const owner = listening(rig, { prefetch: 1 });
    const full = listening(rig, { prefetch: 1 });
    sendAll(rig, ['a1', 'b1', 'a2', 'b2', 'a3']);
    const browser = listening(rig, { mode: ACKNOWLEDGEMENT.auto, browses: true });
    assert.deepEqual(browser.bodies, ['a2', 'b2', 'a3']);
    owner.session.close();
    acknowledgeAll(rig, full);
    assert.deepEqual(full.bodies, ['a1']);
    assert.deepEqual(browser.bodies, ['a2', 'b2', 'a3']);
  });

  test('after a takeover each group begins with what was not acknowledged, with one consumer', () => {
    const rig = new Rig();
    const before = listening(rig, { prefetch: 2 });
    sendAll(rig, ['a1', 'b1', 'a2', 'b2', 'a3']);
    before.acknowledge(before.received[0] as Received);
    rig.settle();
    rig.takeOver();
    const [one, two] = [listening(rig, { prefetch: 1 }), listening(rig)];
    assert.deepEqual([one.bodies, two.bodies], [['b1'], ['a2', 'a3']]);
    rig.checkTwins();
  });

  test('checkpoints and dead letters keep the group', () => {
    const rig = new Rig({ limits: { maxDeliveries: 1 } });
    sendAll(rig, ['a1', 'b1', 'a2', '-1']);
    const rejecting = listening(rig);
    for (const message of rejecting.received) rejecting.reject(message);
    rig.settle();
    rejecting.session.close();
    rig.checkTwins();
    const clients = [0, 1].map(() => {
      const client = rig.connect();
      client.listen('/queue/DLQ.q', { prefetch: 1 });
      rig.settle();
      return client;
    });
    assert.deepEqual(
      clients.map((client) => client.bodies),
      [['a1'], ['b1']],
    );
  });

  test('messages in memory, in transactions and from topics have their group', () => {
    const rig = new Rig();
    const shared = { clientId: 'c', name: 's' };
    const clients = [0, 1].map(() => {
      const client = rig.connect();
      client.listen('/topic/t', { shared });
      return client;
    });
    const sender = rig.connect();
    sender.session.begin('t');
    for (const [index, groupId] of ['a', 'b', 'a', 'b', 'a'].entries()) {
      const transaction = index < 2 ? 't' : undefined;
      const options = { groupId, durable: index % 2 === 0 };
      sender.send('/topic/t', `${groupId}${index}`, {
        ...options,
        ...(transaction === undefined ? {} : { transaction }),
      });
      if (index === 1) sender.session.commit('t', null);
    }
    rig.settle();
    assert.deepEqual(
      clients.map((client) => client.bodies),
      [
        ['a0', 'a2', 'a4'],
        ['b1', 'b3'],
      ],
    );
  });

  test('a long queue of a group whose owner is busy is passed over in turns, and once', () => {
    const rig = new Rig({ maxBatchBytes: 1 << 20 });
    const busy = listening(rig, { prefetch: 1 });
    const count = 200_000;
    const sender = rig.connect();
    for (let index = 0; index < count; index += 1) sender.send(QUEUE, 'x', { groupId: 'a' });
    rig.settle();
    const other = listening(rig);
    sendAll(rig, ['b1']);
    assert.deepEqual(other.bodies, ['b1']);
    // Only what is new is looked at, so each of these costs little although the queue is long.
    for (let index = 2; index < 3_000; index += 1) sendAll(rig, [`b${index}`]);
    assert.equal(busy.bodies.length, 1);
    assert.equal(other.bodies.length, 100);
    assert.equal(rig.waitingTasks.length, 0);
  });

  test('a group that is closed often before a long queue does not have all of it passed again', () => {
    const rig = new Rig({ maxBatchBytes: 1 << 20 });
    const busy = listening(rig, { prefetch: 1 });
    sendAll(rig, ['a']);
    const closing = Array.from({ length: 100 }, (_, index) => `b${index}!`);
    sendAll(rig, closing);
    const sender = rig.connect();
    for (let index = 0; index < 20_000; index += 1) sender.send(QUEUE, 'x', { groupId: 'a' });
    rig.settle();
    const others = [listening(rig, { prefetch: 1 }), listening(rig, { prefetch: 1 })];
    const worked: string[] = [];
    let turns = 0;
    for (let at = 0; worked.length < closing.length; at = 1 - at) {
      const other = others[at] as TestClient;
      for (const message of other.received.splice(0)) {
        worked.push(message.body);
        other.acknowledge(message);
      }
      while (rig.commitNext() || rig.waitingTasks.length > 0) {
        turns += rig.waitingTasks.length;
        for (const task of rig.waitingTasks.splice(0)) task();
      }
    }
    assert.deepEqual(worked, closing);
    assert.equal(busy.bodies.length, 1);
    // Each of the two passes it once, 5,000 in a turn.
    assert.ok(turns <= 30, `${turns} turns`);
  });

  test('with many consumers each is asked once whether it takes a message', () => {
    const rig = new Rig();
    const [owner, ...others] = Array.from({ length: 200 }, () => listening(rig, { prefetch: 1 }));
    const asked = { count: 0 };
    for (const other of others.slice(1)) {
      Object.defineProperty(other, 'writable', {
        get() {
          asked.count += 1;
          return false;
        },
      });
    }
    sendAll(rig, ['a1']);
    assert.deepEqual(owner?.bodies, ['a1']);
    asked.count = 0;
    sendAll(rig, ['a2']);
    assert.ok(asked.count <= 200, `asked ${asked.count} times`);
  });

  test('once no message of a group is there, nobody is asked in vain, and the owners stay', () => {
    const rig = new Rig();
    const clients = Array.from({ length: 3 }, () => listening(rig));
    sendAll(rig, ['a1']);
    const owner = clients.find(({ received }) => received.length === 1) as TestClient;
    acknowledgeAll(rig, owner);
    const asked = { count: 0 };
    for (const client of clients) {
      Object.defineProperty(client, 'writable', {
        get() {
          asked.count += 1;
          return true;
        },
      });
    }
    for (let index = 0; index < 30; index += 1) sendAll(rig, ['-']);
    assert.equal(asked.count, 30);
    for (const client of clients) {
      assert.equal(client.bodies.length, 10);
      acknowledgeAll(rig, client);
    }
    sendAll(rig, ['a2', '-', 'b1', 'a3']);
    assert.deepEqual(
      owner.bodies.filter((body) => body.startsWith('a')),
      ['a2', 'a3'],
    );
    for (const client of clients) acknowledgeAll(rig, client);
    sendAll(rig, ['-']);
    rig.checkTwins();
  });

  test('the numbers of groups stay within their bits', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (id, closes) => {
        const mark = groupMark(id, closes);
        assert.equal((mark & 0x8000) !== 0, closes);
        assert.ok((mark & 0x7fff) >= 1 && (mark & 0x7fff) <= 2047);
      }),
    );
    // The numbers are in journals: they must not change.
    assert.deepEqual(
      ['', 'a', 'orders-42', 'größe'].map((id) => groupMark(id, false)),
      [862, 1602, 644, 1339],
    );
  });
});

/** What random consumers do with random groups, and what must be true at each delivery. */
class GroupModel {
  readonly rig: Rig;
  readonly clients: { client: TestClient; held: Map<number, Received> }[] = [];
  sent = 0;
  /** By group, the messages that are not done with, in order. */
  readonly open = new Map<string, string[]>();

  constructor(options: RigOptions) {
    this.rig = new Rig(options);
  }

  connect(prefetch: number): void {
    const client = this.rig.connect();
    const held = new Map<number, Received>();
    client.onDeliver = (message) => {
      const group = message.body.split('/')[0] as string;
      for (const other of this.clients) {
        for (const { body } of other.held.values()) {
          const isSame = groupMark(body.split('/')[0] as string, false) === groupMark(group, false);
          assert.ok(other.held === held || !isSame, `${message.body} while another has ${body}`);
        }
      }
      // Nothing before it may be left in the queue: it is settled, or with the same consumer.
      const before = (this.open.get(group) ?? []).slice(
        0,
        this.open.get(group)?.indexOf(message.body),
      );
      const mine = new Set([...held.values()].map(({ body }) => body));
      for (const body of before) assert.ok(mine.has(body), `${message.body} came before ${body}`);
      held.set(message.entryId, message);
    };
    client.listen(QUEUE, { prefetch });
    this.clients.push({ client, held });
  }

  send(group: string, closesGroup: boolean): void {
    this.sent += 1;
    const body = `${group}/${this.sent}`;
    this.open.set(group, [...(this.open.get(group) ?? []), body]);
    const sender = this.rig.connect();
    sender.send(QUEUE, body, { groupId: group, closesGroup });
    sender.session.close();
  }

  settle(which: number, choice: number): void {
    const peer = this.clients[which % Math.max(1, this.clients.length)];
    const messages = [...(peer?.held.values() ?? [])];
    const message = messages[choice % Math.max(1, messages.length)];
    if (peer === undefined || message === undefined) return;
    peer.held.delete(message.entryId);
    if (choice % 4 === 0) {
      peer.client.settle(message, REJECTION.released);
      return;
    }
    const group = message.body.split('/')[0] as string;
    this.open.set(
      group,
      (this.open.get(group) ?? []).filter((body) => body !== message.body),
    );
    peer.client.acknowledge(message);
  }

  close(which: number): void {
    const peer = this.clients[which % Math.max(1, this.clients.length)];
    if (peer === undefined) return;
    this.clients.splice(this.clients.indexOf(peer), 1);
    peer.held.clear();
    peer.client.session.close();
  }

  finish(): void {
    if (this.clients.length === 0) this.connect(1_000);
    for (let round = 0; round < 10_000; round += 1) {
      this.rig.settle();
      if (this.clients.every(({ held }) => held.size === 0)) break;
      for (let at = 0; at < this.clients.length; at += 1) this.settle(at, 1);
    }
    this.rig.checkTwins();
    for (const [group, left] of this.open) assert.deepEqual(left, [], `of ${group}`);
  }
}

const step = fc.record({
  kind: fc.constantFrom(
    'connect',
    'send',
    'send',
    'send',
    'settle',
    'settle',
    'close',
    'commit',
    'turn',
  ),
  which: fc.nat({ max: 10 }),
  choice: fc.nat({ max: 20 }),
  group: fc.constantFrom('a', 'b', 'c', 'd'),
});

for (const cold of [false, true]) {
  test(`whatever consumers do, a group is with one of them and in order; bodies ${cold ? 'in the journal' : 'at hand'}`, () => {
    fc.assert(
      fc.property(fc.array(step, { size: 'large' }), (steps) => {
        const model = new GroupModel({ cold, limits: { maxDeliveries: 1_000 } });
        for (const { kind, which, choice, group } of steps) {
          if (kind === 'connect') model.connect(1 + (choice % 5));
          else if (kind === 'send') model.send(group, choice % 5 === 0);
          else if (kind === 'settle') model.settle(which, choice);
          else if (kind === 'close') model.close(which);
          else if (kind === 'commit') model.rig.commitNext();
          else model.rig.settle();
        }
        model.finish();
      }),
      { numRuns: 200 },
    );
  });
}
