import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONDITION } from '../../../../src/protocols/amqp/amqp-error.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import {
  ACCEPTED,
  ACCEPTED_STATE,
  ATTACH,
  COORDINATOR,
  DECLARE,
  DECLARED,
  DETACH,
  DISCHARGE,
  DISPOSITION,
  END,
  FLOW,
  MODIFIED,
  REJECTED,
  RELEASED,
  ROLE,
  SENDER_SETTLES,
  SOURCE,
  TRANSACTIONAL_STATE,
} from '../../../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { errorOf, type SentFrame } from '../../../support/amqp-frames.js';
import { refusal } from '../shared/scripted-broker.js';
import {
  attachReceiver,
  attachSender,
  begin,
  begun,
  delivery,
  grant,
  type Peer,
  stateOf,
  textMessage,
  transfer,
} from './peer.js';

const conditionOf = (frame: SentFrame | undefined) => errorOf(frame)?.condition;

function section(descriptor: number, write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(descriptor);
  write(writer);
  return writer.written.slice();
}

describe('a link on which the client sends', () => {
  function sending(): Peer {
    const peer = begun();
    attachSender(peer);
    const [attach, flow] = peer.answers();
    assert.deepEqual(
      [attach?.name, attach?.fields.role, flow?.name],
      ['attach', ROLE.receiver, 'flow'],
    );
    assert.equal(flow?.fields.linkCredit, 10);
    return peer;
  }

  it('tells of all that is confirmed in one disposition, and of nothing before', () => {
    const peer = sending();
    for (let id = 0; id < 4; id += 1) transfer(peer, id);
    assert.deepEqual(peer.answers(), []);
    peer.broker.confirmAll();
    const [disposition, ...others] = peer.answers();
    const { role, first, last, settled } = disposition?.fields ?? {};
    assert.deepEqual([role, first, last, settled], [ROLE.receiver, 0, 3, true]);
    assert.equal(stateOf(disposition), ACCEPTED.code);
    assert.deepEqual(others, []);
  });

  it('keeps the bare message as it is, and reads the header', () => {
    const peer = sending();
    const header = section(0x70, (to) => {
      const start = to.beginList();
      to.boolean(true);
      to.ubyte(7);
      to.uint(5_000);
      to.endCompound(start, 3);
    });
    const annotations = section(0x72, (to) => to.value({ 'x-opt-a': 1 }));
    const bare = Buffer.concat([
      section(0x74, (to) => to.textMap(new Map([['b', 'c']]))),
      textMessage('hello'),
    ]);
    transfer(peer, 0, Buffer.concat([header, annotations, bare]));
    const [message] = peer.broker.sent;
    assert.deepEqual(Buffer.from(message?.headers ?? []), Buffer.from(annotations));
    assert.deepEqual(Buffer.from(message?.body ?? []), bare);
    const { durable, priority, expiresAtMs } = message ?? {};
    assert.deepEqual([durable, priority, expiresAtMs], [true, 7, peer.clock.wallMs() + 5_000]);
  });

  it('puts a message of many frames together', () => {
    const peer = sending();
    const payload = textMessage('x'.repeat(200));
    transfer(peer, 0, payload.subarray(0, 50), { more: true });
    transfer(peer, 0, payload.subarray(50, 100), { more: true });
    assert.equal(peer.broker.sent.length, 0);
    transfer(peer, 0, payload.subarray(100));
    assert.deepEqual(Buffer.from(peer.broker.sent[0]?.body ?? []), Buffer.from(payload));
  });

  it('takes a message without a body, as JMS has them', () => {
    const peer = sending();
    transfer(
      peer,
      0,
      section(0x70, (to) => to.endCompound(to.beginList(), 0)),
    );
    transfer(peer, 1, new Uint8Array(0));
    assert.deepEqual(
      peer.broker.sent.map(({ body }) => body.length),
      [0, 0],
    );
  });

  it('closes the connection for a message that is none', () => {
    const NONE = [
      section(0x72, (to) => to.uint(1)),
      section(0x72, (to) => to.null()),
      section(0x79, (to) => to.null()),
      Buffer.concat([textMessage('a'), section(0x74, (to) => to.null())]),
      Buffer.concat([textMessage('a'), textMessage('b')]),
    ];
    for (const payload of NONE) {
      const peer = sending();
      transfer(peer, 0, payload);
      assert.equal(conditionOf(peer.answers().at(-1)), CONDITION.decodeError);
      assert.ok(peer.socket.ended);
    }
  });

  it('ends the session for a delivery that begins in the middle of another', () => {
    const peer = sending();
    transfer(peer, 0, textMessage('half'), { more: true });
    transfer(peer, 1, textMessage('other'));
    assert.equal(conditionOf(peer.answers().at(-1)), CONDITION.notAllowed);
  });

  it('tells what is confirmed before its session ends', () => {
    const peer = sending();
    transfer(peer, 0);
    peer.broker.confirmAll();
    peer.send(0, END, {});
    assert.deepEqual(peer.answerNames(), ['disposition', 'end']);
  });

  it('forgets what is aborted', () => {
    const peer = sending();
    transfer(peer, 0, textMessage('half'), { more: true });
    transfer(peer, 0, new Uint8Array(0), { aborted: true });
    transfer(peer, 1, textMessage('whole'));
    assert.equal(peer.broker.sent.length, 1);
  });

  it('asks for no confirmation of what is sent settled', () => {
    const peer = sending();
    transfer(peer, 0, textMessage('fire and forget'), { settled: true });
    assert.deepEqual(peer.broker.takeCalls(), ['send queue q in null']);
  });

  it('gives new credit when half of it is used, and none while producers are held', () => {
    const peer = sending();
    for (let id = 0; id < 5; id += 1) transfer(peer, id);
    assert.deepEqual(
      peer.answers().map(({ fields }) => fields.linkCredit),
      [10],
    );
    peer.broker.events?.pauseReading('full');
    for (let id = 5; id < 15; id += 1) transfer(peer, id);
    assert.deepEqual(peer.answers(), []);
    peer.broker.events?.resumeReading();
    assert.deepEqual(
      peer.answers().map(({ fields }) => fields.linkCredit),
      [10],
    );
  });

  it('rejects what the broker refuses, and goes on', () => {
    const peer = sending();
    peer.broker.refuses.set('send', refusal('no such thing'));
    transfer(peer, 0);
    const [disposition] = peer.answers();
    assert.equal(stateOf(disposition), REJECTED.code);
    peer.broker.refuses.clear();
    transfer(peer, 1);
    peer.broker.confirmAll();
    assert.equal(peer.answers()[0]?.fields.first, 1);
  });

  const DETACHED: readonly (readonly [string, (peer: Peer) => void, string])[] = [
    [
      'transfers beyond its credit',
      (peer) => {
        peer.broker.events?.pauseReading('full');
        for (let id = 0; id < 11; id += 1) transfer(peer, id);
      },
      CONDITION.transferLimitExceeded,
    ],
    [
      'a delivery that is resumed',
      (peer) => transfer(peer, 0, textMessage('again'), { resume: true }),
      CONDITION.notImplemented,
    ],
    [
      'a message that is too large',
      (peer) => {
        for (let part = 0; part < 4; part += 1)
          transfer(peer, 0, new Uint8Array(3_000), { more: true });
      },
      CONDITION.messageSizeExceeded,
    ],
  ];
  for (const [what, attack, condition] of DETACHED) {
    it(`is detached with ${condition} after ${what}, and the session goes on`, () => {
      const peer = sending();
      attack(peer);
      const detach = peer.answers().find(({ name }) => name === 'detach');
      assert.equal(conditionOf(detach), condition);
      peer.broker.events?.resumeReading();
      // The client may not know it yet.
      transfer(peer, 20);
      peer.send(0, DETACH, { handle: 0, closed: true });
      attachSender(peer, 0);
      assert.deepEqual(peer.answerNames(), ['attach', 'flow']);
    });
  }

  it('is refused for an address that cannot be, and its handle can be used again', () => {
    const peer = begun();
    attachSender(peer, 0, 'a,b');
    const [attach, detach] = peer.answers();
    assert.equal(attach?.fields.target, null);
    assert.equal(conditionOf(detach), CONDITION.invalidField);
    peer.send(0, DETACH, { handle: 0, closed: true });
    attachSender(peer, 0, 'fine');
    assert.deepEqual(peer.answerNames(), ['attach', 'flow']);
  });

  it('ends the session for a link too many of its connection, and of its own', () => {
    const peer = begun();
    for (let channel = 0; channel < 3; channel += 1) {
      if (channel > 0) begin(peer, channel);
      for (let handle = 0; handle < 4; handle += 1) attachSender(peer, handle, 'q', 'to', channel);
    }
    const [end, ...others] = peer.answers().filter(({ name }) => name === 'end');
    assert.equal(end?.channel, 2);
    assert.equal(conditionOf(end), CONDITION.resourceLimitExceeded);
    assert.match(errorOf(end)?.description ?? '', /maxLinksPerConnection/);
    assert.deepEqual(others, []);
    attachSender(peer, 4);
    assert.match(errorOf(peer.answers()[0])?.description ?? '', /maxLinksPerSession/);
  });

  it('ends the session for a handle that is attached already', () => {
    const peer = sending();
    attachSender(peer, 0, 'other');
    assert.equal(conditionOf(peer.answers()[0]), CONDITION.handleInUse);
  });
});

describe('a link on which the client receives', () => {
  function receiving(credit = 10, more = {}): Peer {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'q' }, more);
    grant(peer, 0, credit);
    assert.deepEqual(peer.answerNames(), ['attach']);
    peer.broker.takeCalls();
    return peer;
  }

  it('is a subscription without credit until the client gives some', () => {
    const peer = begun();
    attachReceiver(peer);
    assert.equal(peer.broker.subscribers[0]?.options.credit, 0);
    grant(peer, 0, 5);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 5');
    peer.broker.deliver(0, delivery(1));
    // The client has not seen that one yet, when it says five again.
    grant(peer, 0, 5);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 4');
  });

  it('carries the header of this delivery and the message as it was sent', () => {
    const peer = receiving();
    peer.broker.deliver(0, {
      ...delivery(7, textMessage('hello')),
      priority: 9,
      failedDeliveries: 2,
      redelivered: true,
      expiresAtMs: peer.clock.wallMs() + 1_500,
    });
    const [frame] = peer.answers();
    const { handle, deliveryId, settled, more } = frame?.fields ?? {};
    assert.deepEqual([handle, deliveryId, settled, more], [0, 0, false, false]);
    const reader = new ValueReader(frame?.payload ?? new Uint8Array(0));
    assert.equal(reader.descriptor(), 0x70);
    assert.deepEqual(reader.value(), [true, 9, 1_500, false, 2]);
    assert.deepEqual(
      Buffer.from(frame?.payload.subarray(reader.at) ?? []),
      Buffer.from(textMessage('hello')),
    );
  });

  it('settles ranges with every outcome', () => {
    const peer = receiving();
    for (let id = 10; id < 20; id += 1) peer.broker.deliver(0, delivery(id));
    const settle = (first: number, last: number, state: Uint8Array) =>
      peer.send(0, DISPOSITION, { role: ROLE.receiver, first, last, settled: true, state });
    settle(0, 1, ACCEPTED_STATE);
    settle(2, 2, encodedState(RELEASED, {}));
    settle(3, 3, encodedState(REJECTED, {}));
    settle(4, 4, encodedState(MODIFIED, { deliveryFailed: true }));
    settle(5, 5, encodedState(MODIFIED, { undeliverableHere: true }));
    settle(6, 6, encodedState(MODIFIED, {}));
    assert.deepEqual(peer.broker.takeCalls(), [
      'ack 0 10 in null',
      'ack 0 11 in null',
      'release 0 12 in null',
      'poison 0 13 in null',
      'nack 0 14 in null',
      'poison 0 15 in null',
      'release 0 16 in null',
    ]);
    // Over everything there could be: what is left, once.
    settle(0, 0x7fffffff, ACCEPTED_STATE);
    settle(0, 0x7fffffff, ACCEPTED_STATE);
    assert.deepEqual(peer.broker.takeCalls(), [
      'ack 0 17 in null',
      'ack 0 18 in null',
      'ack 0 19 in null',
    ]);
  });

  it('answers an outcome that is not settled, once it is on stable storage', () => {
    const peer = receiving();
    peer.broker.deliver(0, delivery(1));
    peer.answers();
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, state: ACCEPTED_STATE });
    assert.deepEqual(peer.answers(), []);
    peer.broker.confirmAll();
    const [disposition] = peer.answers();
    assert.deepEqual([disposition?.fields.role, disposition?.fields.settled], [ROLE.sender, true]);
  });

  it('settles all of a range, though each settlement lets more go out', () => {
    const peer = receiving();
    attachReceiver(
      peer,
      1,
      { address: 'q' },
      { name: 'settled', sndSettleMode: SENDER_SETTLES.settled },
    );
    for (let id = 10; id < 16; id += 1) peer.broker.deliver(0, delivery(id));
    peer.broker.onReject = () => peer.broker.deliver(1, delivery(99));
    const released = encodedState(RELEASED, {});
    peer.broker.takeCalls();
    peer.send(0, DISPOSITION, {
      role: ROLE.receiver,
      first: 0,
      last: 5,
      settled: true,
      state: released,
    });
    assert.deepEqual(
      peer.broker.takeCalls(),
      [10, 11, 12, 13, 14, 15].map((id) => `release 0 ${id} in null`),
    );
  });

  it('answers an outcome that is not settled with the same', () => {
    const peer = receiving();
    peer.broker.deliver(0, delivery(1));
    peer.answers();
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, state: encodedState(REJECTED, {}) });
    peer.broker.confirmAll();
    assert.equal(stateOf(peer.answers()[0]), REJECTED.code);
  });

  it('means what its source says by settling without an outcome', () => {
    const peer = begun();
    const defaultOutcome = encodedState(MODIFIED, { deliveryFailed: true });
    attachReceiver(peer, 0, { address: 'q', defaultOutcome });
    grant(peer, 0, 5);
    peer.broker.deliver(0, delivery(1));
    peer.broker.takeCalls();
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, settled: true });
    assert.deepEqual(peer.broker.takeCalls(), ['nack 0 1 in null']);
  });

  it('takes windows and credit of any size', () => {
    const peer = receiving();
    grant(peer, 0, 0xffffffff, { incomingWindow: 0xffffffff });
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 4294967295');
    peer.broker.deliver(0, delivery(1));
    assert.deepEqual(peer.answerNames(), ['transfer']);
  });

  it('gets its credit when a flow opens a window that was closed from the beginning', () => {
    const peer = begun();
    begin(peer, 1, 0);
    const source = encodedState(SOURCE, { address: 'q' });
    peer.send(1, ATTACH, { name: 'r', handle: 0, role: ROLE.receiver, source, target: null });
    const windows = { nextIncomingId: 0, nextOutgoingId: 0, outgoingWindow: 9 };
    peer.send(1, FLOW, {
      ...windows,
      incomingWindow: 0,
      handle: 0,
      deliveryCount: 0,
      linkCredit: 10,
    });
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 0');
    peer.send(1, FLOW, { ...windows, incomingWindow: 5 });
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 10');
  });

  it('takes what it held back with it when it is detached', () => {
    const peer = begun();
    begin(peer, 1, 1);
    peer.answers();
    const source = encodedState(SOURCE, { address: 'q' });
    peer.send(1, ATTACH, { name: 'r', handle: 0, role: ROLE.receiver, source, target: null });
    const windows = { nextOutgoingId: 0, outgoingWindow: 9 };
    peer.send(1, FLOW, {
      ...windows,
      nextIncomingId: 0,
      incomingWindow: 1,
      handle: 0,
      deliveryCount: 0,
      linkCredit: 10,
    });
    for (const id of [1, 2, 3]) peer.broker.deliver(0, delivery(id));
    peer.send(1, DETACH, { handle: 0, closed: true });
    peer.send(1, FLOW, { ...windows, nextIncomingId: 1, incomingWindow: 9 });
    assert.deepEqual(peer.answerNames(), ['attach', 'transfer', 'detach']);
  });

  it('uses its credit up when it drains and nothing is there', () => {
    const peer = receiving(0);
    grant(peer, 0, 3, { drain: true });
    assert.deepEqual(peer.broker.takeCalls(), ['credit 0 0', 'credit 0 3', 'drain 0'].slice(-2));
    peer.broker.deliver(0, delivery(1));
    peer.broker.drains[0]?.();
    const frames = peer.answers();
    const flow = frames.at(-1);
    assert.deepEqual(
      [flow?.fields.deliveryCount, flow?.fields.linkCredit, flow?.fields.drain],
      [3, 0, true],
    );
  });

  it('holds back what the window of the session has no room for, in order', () => {
    const peer = begun();
    begin(peer, 1, 2);
    peer.answers();
    peer.send(1, ATTACH, {
      name: 'r',
      handle: 0,
      role: ROLE.receiver,
      source: encodedState(SOURCE, { address: 'q' }),
      target: null,
    });
    const flow = (nextIncomingId: number) =>
      peer.send(1, FLOW, {
        nextIncomingId,
        incomingWindow: 2,
        nextOutgoingId: 0,
        outgoingWindow: 9,
        handle: 0,
        deliveryCount: 0,
        linkCredit: 10,
      });
    flow(0);
    peer.answers();
    for (let id = 1; id <= 5; id += 1) peer.broker.deliver(0, delivery(id));
    const ids = () =>
      peer
        .answers()
        .filter(({ name }) => name === 'transfer')
        .map(({ fields }) => fields.deliveryId);
    assert.deepEqual(ids(), [0, 1]);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 0');
    flow(2);
    assert.deepEqual(ids(), [2, 3]);
    flow(4);
    assert.deepEqual(ids(), [4]);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 5', 'the credit that is left of ten');
  });

  it('gives back what it had when it is detached', () => {
    const peer = receiving();
    peer.broker.deliver(0, delivery(1));
    peer.send(0, DETACH, { handle: 0, closed: true });
    peer.send(0, DISPOSITION, {
      role: ROLE.receiver,
      first: 0,
      settled: true,
      state: ACCEPTED_STATE,
    });
    assert.deepEqual(peer.broker.takeCalls(), ['unsubscribe 0']);
    assert.deepEqual(peer.answerNames(), ['transfer', 'detach']);
  });

  it('is told that a durable subscription exists when it is on stable storage', () => {
    const peer = begun();
    const news = { address: 'topic://news', durable: 2, expiryPolicy: 'never' };
    attachReceiver(peer, 0, news);
    grant(peer, 0, 5);
    assert.deepEqual(peer.answers(), []);
    assert.deepEqual(peer.broker.takeCalls(), [
      'subscribe topic news ack 2 prefetch 100 durable me/from-topic://news replacing (confirm)',
    ]);
    peer.broker.confirmAll();
    assert.deepEqual(peer.answerNames(), ['attach']);
    assert.deepEqual(peer.broker.takeCalls(), ['credit 0 5']);
    peer.send(0, DETACH, { handle: 0, closed: true });
    assert.deepEqual(peer.broker.takeCalls(), [
      'unsubscribe 0',
      'remove me/from-topic://news (confirm)',
    ]);
    assert.deepEqual(peer.answers(), []);
    // A client that does not wait for the answer has it before the next one on that handle.
    attachReceiver(peer, 0, { address: 'other' });
    peer.broker.confirmAll();
    assert.deepEqual(peer.answerNames(), ['detach', 'attach']);
  });

  it('may change its durable subscription by asking for another topic', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'topic://news', durable: 2 });
    assert.match(
      peer.broker.takeCalls()[0] ?? '',
      /^subscribe topic news .* replacing \(confirm\)$/,
    );
  });

  it('is told why its durable subscription cannot be removed, once', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'topic://news', durable: 2 });
    peer.broker.confirmAll();
    peer.answers();
    peer.broker.refuses.set('remove', refusal('in use elsewhere'));
    peer.send(0, DETACH, { handle: 0, closed: true });
    const [detach] = peer.answers();
    assert.equal(conditionOf(detach), CONDITION.preconditionFailed);
    attachReceiver(peer, 0, { address: 'other' });
    assert.deepEqual(peer.answerNames(), ['attach']);
  });

  it('that is detached before it is told of is told of first', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'topic://news', durable: 2 });
    peer.send(0, DETACH, { handle: 0, closed: false });
    assert.deepEqual(peer.answers(), []);
    peer.broker.confirmAll();
    assert.deepEqual(peer.answerNames(), ['attach', 'detach']);
    assert.deepEqual(peer.broker.takeCalls().at(-1), 'unsubscribe 0');
  });

  it('that is detached before it is told of, and attached again at once, was attached to nothing', () => {
    const peer = begun();
    const news = { address: 'topic://news', durable: 2 };
    attachReceiver(peer, 0, news);
    peer.send(0, DETACH, { handle: 0, closed: true });
    attachReceiver(peer, 0, news);
    const [attach, detach, ...others] = peer.answers();
    assert.equal(attach?.name, 'attach');
    assert.equal(attach?.fields.source, null);
    assert.equal(detach?.name, 'detach');
    assert.deepEqual(others, []);
    assert.deepEqual(
      peer.broker.takeCalls().map((call) => call.split(' ')[0]),
      ['subscribe', 'barrier', 'unsubscribe', 'remove', 'subscribe'],
    );
    peer.broker.confirmAll();
    const [again, ...more] = peer.answers();
    assert.equal(again?.name, 'attach');
    assert.notEqual(again?.fields.source, null);
    assert.deepEqual(more, []);
  });
});

describe('transactions', () => {
  function coordinated(): Peer {
    const peer = begun();
    peer.send(0, ATTACH, {
      name: 'tx',
      handle: 0,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target: encodedState(COORDINATOR, {}),
      initialDeliveryCount: 0,
    });
    attachSender(peer, 1, 'out');
    attachReceiver(peer, 2, { address: 'in' });
    grant(peer, 2, 5);
    peer.answers();
    peer.broker.takeCalls();
    return peer;
  }
  const value = (described: Uint8Array) => Buffer.concat([Uint8Array.of(0, 0x53, 0x77), described]);

  function declare(peer: Peer): Uint8Array {
    transfer(peer, 0, value(encodedState(DECLARE, {})));
    const [disposition] = peer.answers();
    assert.equal(stateOf(disposition), DECLARED.code);
    const reader = new ValueReader(disposition?.fields.state as Uint8Array);
    reader.descriptor();
    const [txnId] = reader.value() as readonly [Uint8Array];
    return txnId;
  }

  it('take sends and settlements, and are told of when they are on stable storage', () => {
    const peer = coordinated();
    const txnId = declare(peer);
    const name = Buffer.from(txnId).toString('hex');
    const state = encodedState(TRANSACTIONAL_STATE, { txnId });
    transfer(peer, 1, textMessage('in the transaction'), { handle: 1, state });
    const [taken] = peer.answers();
    assert.equal(stateOf(taken), TRANSACTIONAL_STATE.code);
    peer.broker.deliver(0, delivery(5));
    const accepted = encodedState(TRANSACTIONAL_STATE, { txnId, outcome: ACCEPTED_STATE });
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, settled: true, state: accepted });
    peer.answers();
    transfer(peer, 2, value(encodedState(DISCHARGE, { txnId })));
    assert.deepEqual(peer.answers(), []);
    peer.broker.confirmAll();
    assert.equal(stateOf(peer.answers()[0]), ACCEPTED.code);
    assert.deepEqual(peer.broker.takeCalls(), [
      `begin ${name}`,
      `send queue out in ${name}`,
      `ack 0 5 in ${name}`,
      `commit ${name} (confirm)`,
    ]);
  });

  it('that lack a message which was refused are rolled back instead of committed', () => {
    const peer = coordinated();
    const txnId = declare(peer);
    const state = encodedState(TRANSACTIONAL_STATE, { txnId });
    peer.broker.refuses.set('send', refusal('too much'));
    transfer(peer, 1, textMessage('refused'), { handle: 1, state, settled: true });
    assert.deepEqual(peer.answers(), []);
    transfer(peer, 2, value(encodedState(DISCHARGE, { txnId })));
    const [disposition] = peer.answers();
    assert.equal(stateOf(disposition), REJECTED.code);
    assert.match(
      Buffer.from(disposition?.fields.state as Uint8Array).toString(),
      /transaction:rollback/,
    );
    assert.match(peer.broker.takeCalls().at(-1) ?? '', /^rollback/);
  });

  it('that lack a settlement which was refused are rolled back, too', () => {
    const peer = coordinated();
    begin(peer, 1);
    peer.answers();
    const txnId = declare(peer);
    peer.broker.deliver(0, delivery(5));
    peer.answers();
    peer.broker.refuses.set('ack', refusal('too much for one transaction'));
    const state = encodedState(TRANSACTIONAL_STATE, { txnId, outcome: ACCEPTED_STATE });
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, settled: true, state });
    const [end] = peer.answers();
    assert.equal(end?.name, 'end');
    // With its session the coordinator went, and with that the transaction.
    assert.match(peer.broker.takeCalls().join(), /rollback/);
  });

  it('that lose a message with its link are rolled back, too', () => {
    const peer = coordinated();
    const txnId = declare(peer);
    const state = encodedState(TRANSACTIONAL_STATE, { txnId });
    for (let part = 0; part < 4; part += 1) {
      const more = { handle: 1, more: true, ...(part === 0 ? { state } : {}) };
      transfer(peer, 1, new Uint8Array(3_000), more);
    }
    assert.equal(conditionOf(peer.answers()[0]), CONDITION.messageSizeExceeded);
    transfer(peer, 2, value(encodedState(DISCHARGE, { txnId })));
    assert.equal(stateOf(peer.answers()[0]), REJECTED.code);
    const next = declare(peer);
    const lost = encodedState(TRANSACTIONAL_STATE, { txnId: next });
    transfer(peer, 3, textMessage('on a link that is gone'), { handle: 1, state: lost });
    transfer(peer, 4, value(encodedState(DISCHARGE, { txnId: next })));
    assert.equal(stateOf(peer.answers()[0]), REJECTED.code);
    assert.deepEqual(
      peer.broker.takeCalls().map((call) => call.split(' ')[0]),
      ['begin', 'rollback', 'begin', 'rollback'],
    );
  });

  it('roll back when they are discharged so, and when their link goes', () => {
    const peer = coordinated();
    const first = declare(peer);
    transfer(peer, 1, value(encodedState(DISCHARGE, { txnId: first, fail: true })));
    declare(peer);
    peer.send(0, DETACH, { handle: 0, closed: true });
    const calls = peer.broker.takeCalls().map((call) => call.split(' ')[0]);
    assert.deepEqual(calls, ['begin', 'rollback', 'begin', 'rollback']);
  });

  it('that are not open take nothing: the link of a send and the session of a settlement end', () => {
    const peer = coordinated();
    const state = encodedState(TRANSACTIONAL_STATE, { txnId: Uint8Array.of(9) });
    transfer(peer, 0, textMessage('lost'), { handle: 1, state });
    assert.equal(conditionOf(peer.answers()[0]), CONDITION.unknownTransaction);
    peer.broker.deliver(0, delivery(5));
    peer.answers();
    const outcome = ACCEPTED_STATE;
    const settled = encodedState(TRANSACTIONAL_STATE, { txnId: Uint8Array.of(9), outcome });
    peer.send(0, DISPOSITION, { role: ROLE.receiver, first: 0, settled: true, state: settled });
    const end = peer.answers()[0];
    assert.deepEqual([end?.name, conditionOf(end)], ['end', CONDITION.unknownTransaction]);
    assert.deepEqual(peer.broker.sent, []);
  });

  it('that nobody declared are refused by name', () => {
    const peer = coordinated();
    transfer(peer, 0, value(encodedState(DISCHARGE, { txnId: Uint8Array.of(9) })));
    const [disposition] = peer.answers();
    assert.equal(stateOf(disposition), REJECTED.code);
    assert.match(Buffer.from(disposition?.fields.state as Uint8Array).toString(), /unknown-id/);
  });
});
