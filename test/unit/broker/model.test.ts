/**
 * Random operations against a naive model: a list of what was sent, with what was done to each
 * message. It cannot say who gets what, but it says what must never happen, and what must be left
 * at the end: every message that was not acknowledged, once, in order, with its flags.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { type Received, Rig, type TestClient } from './broker-rig.js';

const MAX_DELIVERIES = 3;
const QUEUES = ['/queue/a', '/queue/b'];
const DURABLES = [
  { clientId: 'c', name: 'one' },
  { clientId: 'c', name: 'two' },
];

/** One message in one queue. */
interface Copy {
  readonly body: string;
  /** The queue or durable subscription that it was sent to. */
  readonly home: string;
  readonly durable: boolean;
  handedOver: boolean;
  gone: boolean;
  minimumFailures: number;
  maximumFailures: number;
}

interface Sent {
  readonly destination: string;
  readonly durable: boolean;
  readonly body: string;
  /** Its duplicate id; null without one. */
  readonly id: number | null;
}

interface Holding {
  readonly message: Received;
  readonly copy: Copy;
}

interface Peer {
  readonly client: TestClient;
  /** What it has unacknowledged, in no transaction. */
  held: Holding[];
  transaction: { sends: Sent[]; settled: [Holding, boolean][] } | null;
}

class Model {
  readonly rig: Rig;
  peers: Peer[] = [];
  readonly copies: Copy[] = [];
  private sent = 0;
  private readonly recognisable: Sent[] = [];
  /** Destination and id of what was published. */
  private readonly storedIds = new Set<string>();
  private readonly idsInMemory = new Set<string>();

  constructor(cold: boolean) {
    this.rig = new Rig({ cold, maxBatchBytes: 4096, limits: { maxDeliveries: MAX_DELIVERIES } });
    const setUp = this.rig.connect();
    for (const durable of DURABLES) {
      setUp.session.unsubscribe(setUp.listen('/topic/t', { durable }), null);
    }
    for (const queue of QUEUES) setUp.session.unsubscribe(setUp.listen(queue), null);
    this.rig.settle();
    setUp.session.close();
  }

  connect(listens: string, prefetch: number): void {
    if (this.peers.length >= 4) return;
    const client = this.rig.connect();
    const peer: Peer = { client, held: [], transaction: null };
    this.peers.push(peer);
    client.onDeliver = (message) => this.delivered(peer, message);
    const durable = DURABLES.find(({ name }) => name === listens);
    if (durable === undefined) {
      client.listen(listens, { prefetch, context: listens });
      return;
    }
    const used = this.rig.broker
      .statistics()
      .queues.find(({ subscription }) => subscription?.name === durable.name);
    if (used?.consumers === 0) {
      client.listen('/topic/t', { durable, prefetch, context: durable.name });
    }
  }

  /** Every other message has an id. */
  send(peer: Peer, destination: string, durable: boolean, inTransaction: boolean): void {
    const id = this.sent % 2 === 0 ? this.sent : null;
    const sent = { destination, durable, body: this.nextBody(), id };
    if (id !== null) this.recognisable.push(sent);
    this.hand(peer, sent, inTransaction);
  }

  /** With the id of an earlier one, and a body that tells the two apart. */
  resend(peer: Peer, choice: number, changesDurability: boolean, inTransaction: boolean): void {
    const before = this.recognisable[choice % Math.max(1, this.recognisable.length)];
    if (before === undefined) return;
    const durable = before.durable !== changesDurability;
    this.hand(peer, { ...before, durable, body: this.nextBody() }, inTransaction);
  }

  private nextBody(): string {
    this.sent += 1;
    return `${this.sent}`.padEnd((this.sent * 37) % 300, '.');
  }

  private hand(peer: Peer, sent: Sent, inTransaction: boolean): void {
    const { destination, durable, body, id } = sent;
    const options = id === null ? { durable } : { durable, duplicateId: id };
    if (inTransaction && peer.transaction !== null) {
      peer.client.send(destination, body, { ...options, transaction: 't' });
      peer.transaction.sends.push(sent);
    } else {
      peer.client.send(destination, body, options);
      this.publish(sent);
    }
  }

  settle(peer: Peer, choice: number, rejects: boolean, inTransaction: boolean): void {
    const holding = peer.held[choice % Math.max(1, peer.held.length)];
    if (holding === undefined) return;
    peer.held = peer.held.filter((other) => other !== holding);
    if (inTransaction && peer.transaction !== null) {
      peer.transaction.settled.push([holding, rejects]);
      if (rejects) peer.client.reject(holding.message, 't');
      else peer.client.acknowledge(holding.message, 't');
      return;
    }
    this.settled(holding.copy, rejects);
    if (rejects) peer.client.reject(holding.message);
    else peer.client.acknowledge(holding.message);
  }

  begin(peer: Peer): void {
    if (peer.transaction !== null) return;
    peer.client.session.begin('t');
    peer.transaction = { sends: [], settled: [] };
  }

  end(peer: Peer, commits: boolean): void {
    const { transaction } = peer;
    if (transaction === null) return;
    peer.transaction = null;
    if (commits) {
      for (const sent of transaction.sends) this.publish(sent);
      for (const [{ copy }, rejects] of transaction.settled) this.settled(copy, rejects);
      peer.client.session.commit('t', null);
    } else {
      for (const [holding] of transaction.settled) peer.held.push(holding);
      peer.client.session.rollback('t', null);
    }
  }

  close(peer: Peer): void {
    this.peers = this.peers.filter((other) => other !== peer);
    const settled = (peer.transaction?.settled ?? []).map(([holding]) => holding);
    // One of them counts as failed; which one is for redelivery.test.ts to say.
    for (const { copy } of [...peer.held, ...settled]) copy.maximumFailures += 1;
    peer.held = [];
    peer.transaction = null;
    peer.client.session.close();
  }

  relocate(choice: number): void {
    const block = this.rig.blocks[choice % Math.max(1, this.rig.blocks.length)];
    if (block !== undefined) this.rig.broker.relocate(block.payload, block.position);
  }

  takeOver(): void {
    this.rig.settle();
    this.peers = [];
    for (const copy of this.copies) if (!copy.durable) copy.gone = true;
    this.idsInMemory.clear();
    this.rig.takeOver();
  }

  /** Everybody leaves, and one client reads all that is left. */
  finish(): void {
    for (const peer of this.peers.slice()) this.close(peer);
    this.rig.checkTwins();
    const reader = this.rig.connect();
    const left = new Map<string, Received[]>();
    const listen = (home: string, destination: string, durable?: (typeof DURABLES)[number]) => {
      const got: Received[] = [];
      left.set(home, got);
      reader.onDeliver = (message) => got.push(message);
      const mode = ACKNOWLEDGEMENT.auto;
      reader.listen(destination, durable === undefined ? { mode } : { mode, durable });
      this.rig.settle();
    };
    for (const queue of QUEUES) listen(queue, queue);
    for (const durable of DURABLES) listen(durable.name, '/topic/t', durable);
    for (const name of ['a', 'b', 't']) listen(`DLQ.${name}`, `/queue/DLQ.${name}`);
    this.rig.checkTwins();
    this.compare(left);
    assert.equal(this.rig.broker.statistics().messages, 0);
    assert.equal(this.rig.broker.statistics().memoryBytes, 0);
    assert.equal(this.rig.usage.bytes.size, 0);
  }

  private compare(left: Map<string, Received[]>): void {
    for (const [home, messages] of left) {
      if (home.startsWith('DLQ.')) continue;
      const ids = messages.map(({ entryId }) => entryId);
      assert.deepEqual(
        ids,
        [...ids].sort((one, two) => one - two),
      );
    }
    const letters = (copy: Copy) =>
      left.get(`DLQ.${copy.home.startsWith('/queue/') ? copy.home.at(-1) : 't'}`) ?? [];
    const expectedLetters = new Map<string, number>();
    for (const copy of this.copies) {
      const found = (left.get(copy.home) ?? []).filter(({ body }) => body === copy.body);
      if (copy.gone) {
        assert.equal(found.length, 0, `${copy.body} came back`);
        continue;
      }
      if (found.length === 1) {
        const [message] = found as [Received];
        assert.ok(copy.minimumFailures < MAX_DELIVERIES, `${copy.body} should be a dead letter`);
        assert.equal(message.redelivered, copy.handedOver);
        assert.equal(message.durable, copy.durable);
        assert.ok(message.failedDeliveries >= copy.minimumFailures);
        assert.ok(message.failedDeliveries <= copy.maximumFailures);
      } else {
        assert.ok(copy.maximumFailures >= MAX_DELIVERIES, `${copy.body} is lost`);
        expectedLetters.set(copy.body, (expectedLetters.get(copy.body) ?? 0) + 1);
        assert.ok(
          letters(copy).some(({ body }) => body === copy.body),
          `${copy.body} is lost`,
        );
      }
    }
    const lettersFound = ['a', 'b', 't'].flatMap((name) => left.get(`DLQ.${name}`) ?? []);
    const lettersExpected = [...expectedLetters.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(lettersFound.length, lettersExpected);
  }

  private delivered(peer: Peer, message: Received): void {
    const home = message.subscriber.context as string;
    const copy = this.copies.find((other) => other.home === home && other.body === message.body);
    assert.ok(copy, `${message.body} was not sent to ${home}`);
    assert.ok(!copy.gone, `${message.body} was delivered after it was acknowledged`);
    const holders = this.peers.flatMap(({ held }) => held);
    assert.ok(!holders.some((other) => other.copy === copy), `${message.body} is with two`);
    assert.equal(message.redelivered, copy.handedOver);
    assert.ok(copy.minimumFailures < MAX_DELIVERIES);
    if (!copy.handedOver) {
      // First deliveries are in the order of sending.
      const earlier = this.copies.slice(0, this.copies.indexOf(copy));
      const overtaken = earlier.find(
        (other) => other.home === home && !other.handedOver && !other.gone,
      );
      assert.equal(overtaken, undefined, `${message.body} overtook ${overtaken?.body}`);
    }
    copy.handedOver = true;
    peer.held.push({ message, copy });
  }

  /** What is not recorded here may never be delivered. */
  private publish({ destination, durable, body, id }: Sent): void {
    if (id !== null) {
      const known = `${destination} ${id}`;
      if (this.storedIds.has(known) || (!durable && this.idsInMemory.has(known))) return;
      (durable ? this.storedIds : this.idsInMemory).add(known);
    }
    const homes = destination === '/topic/t' ? DURABLES.map(({ name }) => name) : [destination];
    for (const home of homes) {
      this.copies.push({
        body,
        home,
        durable,
        handedOver: false,
        gone: false,
        minimumFailures: 0,
        maximumFailures: 0,
      });
    }
  }

  private settled(copy: Copy, rejects: boolean): void {
    if (rejects) {
      copy.minimumFailures += 1;
      copy.maximumFailures += 1;
    } else {
      copy.gone = true;
    }
  }
}

const operation = fc.record({
  kind: fc.constantFrom(
    ...['connect', 'send', 'send', 'send', 'settle', 'settle', 'settle', 'begin', 'commit'],
    ...[
      'resend',
      'resend',
      'rollback',
      'close',
      'commitNext',
      'commitNext',
      'settleAll',
      'relocate',
      'takeOver',
    ],
  ),
  peer: fc.nat(3),
  choice: fc.nat(50),
  flag: fc.boolean(),
  inTransaction: fc.boolean(),
  destination: fc.constantFrom(...QUEUES, '/topic/t'),
  listens: fc.constantFrom(...QUEUES, 'one', 'two'),
});
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

function perform(model: Model, step: Operation): void {
  const peer = model.peers[step.peer % Math.max(1, model.peers.length)];
  if (step.kind === 'connect' || peer === undefined) {
    model.connect(step.listens, 1 + (step.choice % 5));
  } else if (step.kind === 'send') {
    model.send(peer, step.destination, step.choice % 4 > 0, step.inTransaction);
  } else if (step.kind === 'resend') {
    model.resend(peer, step.choice, step.flag, step.inTransaction);
  } else if (step.kind === 'settle') {
    model.settle(peer, step.choice, step.flag, step.inTransaction);
  } else if (step.kind === 'begin') {
    model.begin(peer);
  } else if (step.kind === 'commit' || step.kind === 'rollback') {
    model.end(peer, step.kind === 'commit');
  } else if (step.kind === 'close') {
    model.close(peer);
  } else if (step.kind === 'commitNext') {
    model.rig.commitNext();
  } else if (step.kind === 'settleAll') {
    model.rig.settle();
  } else if (step.kind === 'relocate') {
    model.relocate(step.choice);
  } else if (step.choice % 3 === 0) {
    model.takeOver();
  }
}

for (const cold of [false, true]) {
  test(`nothing is lost, doubled or reordered by any sequence of operations (cold: ${cold})`, () => {
    const steps = fc.array(operation, { minLength: 5, maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(steps, (operations) => {
        const model = new Model(cold);
        for (const step of operations) perform(model, step);
        model.finish();
      }),
      { numRuns: 150 },
    );
  });
}
