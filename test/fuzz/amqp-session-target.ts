/**
 * A whole AMQP connection over a real broker, with a client that knows the protocol and now and then sends
 * whatever it likes, and a STOMP client at the same queues. Nothing is thrown at the socket or at the broker, also not by the node
 * that comes after; what is sent is AMQP; nothing of the connection is left.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CONTENT_KIND } from '../../src/broker/api.js';
import { Broker } from '../../src/broker/broker.js';
import { messageContents } from '../../src/node/content-kinds.js';
import { type CompositeType, writeComposite } from '../../src/protocols/amqp/composite.js';
import { encodedState } from '../../src/protocols/amqp/encoded-state.js';
import { FRAME_TYPE, PROTOCOL_ID } from '../../src/protocols/amqp/frame-decoder.js';
import * as performatives from '../../src/protocols/amqp/performatives.js';
import { ValueWriter } from '../../src/protocols/amqp/value-writer.js';
import { convert } from '../../src/protocols/conversion/convert.js';
import { frameBytes } from '../support/amqp-frames.js';
import { LIMITS, UsageMap } from '../unit/broker/broker-rig.js';
import { AMQP_CONFIG, Peer } from '../unit/protocols/amqp/peer.js';
import { connected } from '../unit/protocols/stomp/connection.js';
import { type Act, ActingClient, anyAct, LINK } from './amqp-acts.js';
import { PayloadJournal } from './payload-journal.js';
import { cutInto, editedBytes, sizes } from './stomp-frames.js';
import { defineTarget } from './target.js';

const {
  ACCEPTED_STATE,
  ATTACH,
  BEGIN,
  CLOSE,
  COORDINATOR,
  DECLARE,
  DETACH,
  DISCHARGE,
  DISPOSITION,
  END,
  FLOW,
  MODIFIED,
  OPEN,
  REJECTED,
  RELEASED,
  ROLE,
  SASL_INIT,
  SOURCE,
  TARGET,
  TRANSACTIONAL_STATE,
  TRANSFER,
} = performatives;

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

type Step =
  | {
      readonly kind: 'frame';
      readonly channel: number;
      readonly body: Uint8Array;
      readonly edits: readonly Edit[];
    }
  | { readonly kind: 'act'; readonly act: Act }
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'commit' | 'stall' | 'drain' | 'hold' | 'let-go' };

interface Opening {
  readonly usesSasl: boolean;
  readonly maxFrameSize: number;
  readonly incomingWindow: number;
  readonly idleTimeOut: number | null;
}

interface Conversation {
  readonly opening: Opening;
  readonly steps: readonly Step[];
  readonly cuts: readonly number[];
}

const handle = fc.constantFrom(0, 1, 2, 3);
/** Of those that take what the frame is for, as a rule. */
const handleFor = (...usual: readonly number[]) =>
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: handle });
const seldom = fc.oneof(
  { weight: 19, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const number = fc.constantFrom(0, 1, 2, 3, 5, 10, 0x7fffffff, 0xffffffff);
const flag = fc.boolean();
const TXN_ID = Buffer.alloc(8);
TXN_ID.writeUInt32BE(1, 4);

class Scene {
  readonly journal = new PayloadJournal([]);
  readonly broker: Broker;
  readonly peer: Peer;
  readonly client = new ActingClient();

  constructor() {
    this.broker = new Broker({
      limits: {
        ...LIMITS,
        topicBacklogMaxBytes: 2000,
        queueMaxMessages: 20,
        maxQueues: 6,
        maxDeliveries: 3,
      },
      maxBatchBytes: 4096,
      bodies: this.journal.bodies,
      usage: new UsageMap(),
      wallMs: () => 1_700_000_000_000,
      mayDeliver: () => true,
      onPending: () => undefined,
      allocateSlab: (minimumBytes) => new Uint8Array(minimumBytes),
      contents: messageContents,
      later: () => undefined,
    });
    this.broker.startServing();
    this.peer = new Peer({
      broker: this.broker,
      config: { ...AMQP_CONFIG, maxMessageBytes: 2_000, socketBufferMaxBytes: 2_000 },
      convert: (message) => convert(message, CONTENT_KIND.amqp),
    });
  }

  take(step: Step, cuts: readonly number[]): void {
    const { socket, clock } = this.peer;
    if (step.kind === 'frame') {
      this.push(frameBytes(step.channel, editedBytes(step.body, step.edits)), cuts);
    } else if (step.kind === 'act') {
      for (const bytes of this.client.framesOf(step.act)) this.push(bytes, cuts);
    } else if (step.kind === 'wait') {
      clock.advance(step.waitMs);
    } else if (step.kind === 'commit') {
      this.journal.commitAll(this.broker);
    } else if (step.kind === 'hold') {
      this.broker.holdProducers({ reason: 'fuzzing', isBrief: false });
    } else if (step.kind === 'let-go') {
      this.broker.releaseProducers();
    } else {
      socket.takesBytes = step.kind === 'drain';
      if (socket.takesBytes && !socket.destroyed) socket.drain();
    }
    clock.endTurn();
    // What it sends are frames of the tables, or this throws.
    for (const answer of this.peer.answers()) this.client.hear(answer);
  }

  open({ usesSasl, maxFrameSize, incomingWindow, idleTimeOut }: Opening): void {
    const { peer } = this;
    if (usesSasl) {
      peer.protocol(PROTOCOL_ID.sasl);
      peer.send(0, SASL_INIT, { mechanism: 'ANONYMOUS' }, undefined, FRAME_TYPE.sasl);
    }
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'me', maxFrameSize, idleTimeOut });
    for (const bytes of this.client.begin(incomingWindow)) this.push(bytes, []);
    for (const answer of peer.answers()) this.client.hear(answer);
  }

  private push(bytes: Uint8Array, cuts: readonly number[]): void {
    const { socket } = this.peer;
    for (const chunk of cutInto(bytes, cuts)) if (!socket.destroyed) socket.push(chunk);
  }
}

function encoded<Type extends CompositeType<object>>(type: Type, given: object): Uint8Array {
  const writer = new ValueWriter();
  writeComposite(writer, type, given as never);
  return writer.written.slice();
}

function anyOpening(): fc.Arbitrary<Opening> {
  return fc.record({
    usesSasl: flag,
    maxFrameSize: fc.constantFrom(512, 4_096),
    incomingWindow: fc.constantFrom(1, 3, 1_000),
    idleTimeOut: fc.constantFrom(null, 0, 400),
  });
}

/** With or without frames at random: those that are wrong end the conversation. */
function anySteps(): fc.Arbitrary<Step[]> {
  return fc.oneof(
    fc.array(anyStep(0), { maxLength: 60, size: 'max' }),
    fc.array(anyStep(3), { maxLength: 40, size: 'max' }),
    fc.array(anyStep(100), { maxLength: 30 }),
  );
}

function acting(): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant('act' as const), act: anyAct() });
}

/** `frames`: how many of them, in proportion to 24 acts, are frames at random. */
function anyStep(frames: number): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 24, arbitrary: acting() },
    { weight: frames, arbitrary: anyFrame() },
    { weight: 8, arbitrary: fc.constant<Step>({ kind: 'commit' }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step>(
        { kind: 'stall' },
        { kind: 'drain' },
        { kind: 'hold' },
        { kind: 'let-go' },
        { kind: 'wait', waitMs: 700 },
        { kind: 'wait', waitMs: 2_500 },
      ),
    },
  );
}

function anyFrame(): fc.Arbitrary<Step> {
  const edit = fc.record({
    at: fc.nat(200),
    removed: fc.constantFrom(0, 0, 1, 1, 4),
    inserted: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(
        Uint8Array.of(0x40),
        Uint8Array.of(0),
        Uint8Array.of(0x45),
        Uint8Array.of(0xff, 0xff),
      ),
    ),
  });
  return fc.record({
    kind: fc.constant('frame' as const),
    channel: fc.constantFrom(0, 0, 0, 0, 0, 1, 5),
    body: anyBody(),
    edits: fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }) },
    ),
  });
}

function anyBody(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    { weight: 6, arbitrary: anyTransfer(LINK.sender, anyMessage()) },
    { weight: 2, arbitrary: anyTransfer(LINK.coordinator, anyTransactionStep()) },
    { weight: 5, arbitrary: anyFlow() },
    { weight: 5, arbitrary: anyDisposition() },
    { weight: 1, arbitrary: anyAttach() },
    {
      weight: 1,
      arbitrary: fc.record({ handle, closed: flag }).map((given) => encoded(DETACH, given)),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        encoded(END, {}),
        encoded(CLOSE, {}),
        encoded(BEGIN, { nextOutgoingId: 0, incomingWindow: 0, outgoingWindow: 1 }),
        encoded(BEGIN, { nextOutgoingId: 7, incomingWindow: 0xffffffff, outgoingWindow: 1 }),
      ),
    },
  );
}

function anyAttach(): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      name: fc.constantFrom('one', 'two'),
      handle,
      role: flag,
      sndSettleMode: fc.constantFrom(0, 1, 2),
      source: anySource(),
      target: anyTarget(),
      initialDeliveryCount: fc.constant(0),
    })
    .map((given) => encoded(ATTACH, given));
}

function anyTransfer(
  usualHandle: number,
  message: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<Uint8Array> {
  const fields = fc.record({
    handle: handleFor(usualHandle),
    deliveryId: fc.oneof(
      { weight: 9, arbitrary: number },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    settled: flag,
    more: seldom,
    aborted: seldom,
    state: fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: inTransaction(fc.constant(null)) },
      { weight: 1, arbitrary: anyState() },
    ),
  });
  return fc
    .tuple(fields, message)
    .map(([given, payload]) =>
      Buffer.concat([encoded(TRANSFER, { deliveryTag: Uint8Array.of(1), ...given }), payload]),
    );
}

function anyFlow(): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      nextIncomingId: number,
      incomingWindow: number,
      nextOutgoingId: number,
      outgoingWindow: number,
      handle: fc.oneof(handleFor(LINK.receiver, LINK.settled), fc.constant(null)),
      deliveryCount: number,
      linkCredit: number,
      drain: flag,
      echo: flag,
    })
    .map((given) => encoded(FLOW, given));
}

function anyDisposition(): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      role: fc.constantFrom(ROLE.receiver, ROLE.receiver, ROLE.sender),
      first: number,
      last: fc.oneof(number, fc.constant(null)),
      settled: flag,
      state: fc.oneof(
        { weight: 1, arbitrary: fc.constant(null) },
        { weight: 5, arbitrary: anyState() },
      ),
    })
    .map((given) => encoded(DISPOSITION, given));
}

function anySource(): fc.Arbitrary<Uint8Array | null> {
  return fc.oneof(
    fc.constant(null),
    fc
      .record({
        address: fc.constantFrom(
          ...['a', 'queue://b', 'topic://t', 'DLQ.a', 'x,y', '', null],
          ...['topic://t.>', 'topic://*', 'temporary:queue:c0ffee:1', 'temporary:topic:c0ffee:1'],
        ),
        durable: fc.constantFrom(0, 2),
        dynamic: fc.constantFrom(false, false, false, true),
        distributionMode: fc.constantFrom(null, 'move', 'copy'),
        filter: anyFilter(),
        defaultOutcome: fc.oneof(fc.constant(null), anyState()),
        capabilities: fc.constantFrom(
          ...[[], ['topic'], ['queue'], ['topic', 'shared'], ['topic', 'shared', 'global']],
          ['temporary-topic'],
        ),
      })
      .map((given) => encodedState(SOURCE, given)),
  );
}

function anyTarget(): fc.Arbitrary<Uint8Array | null> {
  return fc.constantFrom(
    null,
    encodedState(TARGET, { address: 'a' }),
    encodedState(TARGET, { address: 'topic://t' }),
    encodedState(TARGET, { address: 'b' }),
    encodedState(COORDINATOR, {}),
    encodedState(TARGET, {}),
    encodedState(TARGET, { address: 'topic://t.u' }),
    encodedState(TARGET, { address: 'temporary:queue:c0ffee:1' }),
    encodedState(TARGET, { dynamic: true }),
    encodedState(TARGET, { dynamic: true, capabilities: ['temporary-topic'] }),
  );
}

/** Selectors on what the messages of `anyMessage` have, and on what they have not. */
function anyFilter(): fc.Arbitrary<Uint8Array | null> {
  const selector = fc.constantFrom(
    ...["a = 'b'", 'a IS NULL', "JMSCorrelationID = 'c'", 'JMSXGroupID IS NULL', 'JMSPriority > 3'],
    ...['x + 1 > 2', "JMSMessageID LIKE 'ID:%'", 'a =', ''],
  );
  const filter = fc.oneof(
    selector.map((text) => filterOf('apache.org:selector-filter:string', (to) => to.string(text))),
    fc.constant(
      filterOf('apache.org:no-local-filter:list', (to) => to.endCompound(to.beginList(), 0)),
    ),
    fc.constant(filterOf('unknown', (to) => to.null())),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.of(0x77, ...bytes)),
  );
  return fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: filter });
}

function filterOf(descriptor: string, write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  const start = writer.beginMap();
  writer.symbol('filter');
  writer.raw(Uint8Array.of(0x00));
  writer.symbol(descriptor);
  write(writer);
  writer.endCompound(start, 2);
  return writer.written.slice();
}

function anyState(): fc.Arbitrary<Uint8Array> {
  const outcome = fc.constantFrom(
    ACCEPTED_STATE,
    encodedState(REJECTED, {}),
    encodedState(RELEASED, {}),
    encodedState(MODIFIED, { deliveryFailed: true }),
    encodedState(MODIFIED, { undeliverableHere: true }),
  );
  return fc.oneof(
    { weight: 3, arbitrary: outcome },
    { weight: 1, arbitrary: inTransaction(outcome) },
  );
}

function inTransaction(outcome: fc.Arbitrary<Uint8Array | null>): fc.Arbitrary<Uint8Array> {
  const txnId = fc.oneof(
    { weight: 6, arbitrary: fc.constant(TXN_ID) },
    { weight: 1, arbitrary: fc.constant(Uint8Array.of(9)) },
  );
  return fc.record({ txnId, outcome }).map((given) => encodedState(TRANSACTIONAL_STATE, given));
}

function anyTransactionStep(): fc.Arbitrary<Uint8Array> {
  const declare = described(0x77, (to) => to.raw(encodedState(DECLARE, {})));
  const discharges = [false, true].map((fail) =>
    described(0x77, (to) => to.raw(encodedState(DISCHARGE, { txnId: TXN_ID, fail }))),
  );
  return fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(declare, ...discharges) },
    { weight: 1, arbitrary: anyMessage() },
  );
}

/** Sections that are often right, in an order that often is. */
function anyMessage(): fc.Arbitrary<Uint8Array> {
  const section = fc.constantFrom(
    described(0x70, (to) => {
      const start = to.beginList();
      to.boolean(true);
      to.ubyte(9);
      to.uint(1);
      to.endCompound(start, 3);
    }),
    described(0x70, (to) => {
      const start = to.beginList();
      to.boolean(true);
      to.endCompound(start, 1);
    }),
    described(0x72, (to) => to.value({ 'x-opt-a': 1 })),
    described(0x72, (to) => to.null()),
    described(0x73, (to) => to.null()),
    described(0x74, (to) => to.textMap(new Map([['a', 'b']]))),
    described(0x74, (to) => to.raw(Uint8Array.of(0xc1, 3, 1, 0x40, 0x40))),
    described(0x75, (to) => to.binary(Uint8Array.of(1, 2))),
    described(0x76, (to) => to.value([1])),
    described(0x77, (to) => to.string('text')),
    described(0x77, (to) => to.raw(Uint8Array.of(0xa1, 1, 0xff))),
    described(0x77, (to) =>
      to.raw(Uint8Array.of(0, 0xa3, 1, 0x61, 0x80, 0xff, 0, 0, 0, 0, 0, 0, 1)),
    ),
    described(0x78, (to) => to.value({})),
  );
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .uniqueArray(section, { maxLength: 4, selector: (each) => each[2] })
        .map((parts) => Buffer.concat(parts.sort((one, two) => (one[2] ?? 0) - (two[2] ?? 0)))),
    },
    {
      weight: 1,
      arbitrary: fc.array(section, { maxLength: 3 }).map((parts) => Buffer.concat(parts)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  );
}

function described(code: number, write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(code);
  write(writer);
  return writer.written.slice();
}

export const amqpSession = defineTarget<Conversation>({
  name: 'amqp-session',
  promise: 'whatever a client sends, nobody else is harmed: not the node, nor the one after it',
  inputsInTests: 500,
  inputs: fc.record({ opening: anyOpening(), steps: anySteps(), cuts: sizes }),
  check: ({ opening, steps, cuts }) => {
    const scene = new Scene();
    const { broker, journal, peer } = scene;
    scene.open(opening);
    for (const step of steps) scene.take(step, cuts);
    const stomp = connected('1.2', '', {
      broker,
      convert: (message) => convert(message, CONTENT_KIND.stomp),
    });
    stomp.exchange('SUBSCRIBE\nid:1\ndestination:/queue/a\nack:auto\n\n^@');
    journal.commitAll(broker);
    peer.socket.destroy();
    peer.clock.advance(10_000);
    journal.commitAll(broker);
    assert.equal(peer.closedCount, 1, 'closed once');
    assert.equal(peer.clock.timerCount, 0, 'a timer is left');
    const { sessions, queues } = broker.statistics();
    assert.equal(sessions, 1, 'only the STOMP client is left');
    const held = queues.filter(({ unacknowledged }) => unacknowledged > 0);
    assert.deepEqual(held, [], 'what it had is with nobody');
    broker.stopServing();
    broker.startServing();
    journal.commitAll(broker);
  },
});
