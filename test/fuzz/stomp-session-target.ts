/**
 * A whole STOMP session over a real broker, with a client that sends whatever it likes. It is
 * answered, or told what is wrong and let go; nothing is thrown at the socket, what it is sent is
 * STOMP, and the next client finds the broker well.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Broker } from '../../src/broker/broker.js';
import { messageContents } from '../../src/node/content-kinds.js';
import { ALL_COMMANDS, COMMAND, type Command } from '../../src/protocols/stomp/commands.js';
import { type StompVersion, VERSION, versionText } from '../../src/protocols/stomp/version.js';
import { LIMITS, TestClient, UsageMap } from '../unit/broker/broker-rig.js';
import { Connection, STOMP_CONFIG } from '../unit/protocols/stomp/connection.js';
import { PayloadJournal } from './payload-journal.js';
import {
  type ByteEdit,
  byteEdit,
  cutInto,
  decode,
  editedBytes,
  encodeAll,
  headerName,
  headerText,
  type PlainFrame,
  sizes,
} from './stomp-frames.js';
import { defineTarget } from './target.js';

const SERVER_LIMITS = { maxHeaderBytes: 1e6, maxHeaders: 1000, maxBodyBytes: 1e6 };
const FROM_SERVER: readonly Command[] = [
  COMMAND.connected,
  COMMAND.message,
  COMMAND.receipt,
  COMMAND.error,
];

type Step =
  | { readonly kind: 'frame'; readonly frame: PlainFrame; readonly edits: readonly ByteEdit[] }
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'commit' | 'stall' | 'drain' };

interface Conversation {
  readonly version: StompVersion;
  readonly connects: boolean;
  readonly steps: readonly Step[];
  readonly cuts: readonly number[];
}

class Scene {
  readonly journal = new PayloadJournal([]);
  readonly broker: Broker;
  readonly connection: Connection;

  constructor() {
    this.broker = new Broker({
      limits: { ...LIMITS, topicBacklogMaxBytes: 2000, queueMaxMessages: 20, maxQueues: 6 },
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
    this.connection = new Connection({ broker: this.broker });
  }

  take(step: Step, version: StompVersion, cuts: readonly number[]): void {
    const { socket, clock } = this.connection;
    if (step.kind === 'frame') {
      const bytes = editedBytes(encodeAll([step.frame], version), step.edits);
      for (const chunk of cutInto(bytes, cuts)) if (!socket.destroyed) socket.push(chunk);
    } else if (step.kind === 'wait') {
      clock.advance(step.waitMs);
    } else if (step.kind === 'commit') {
      this.journal.commitAll(this.broker);
    } else {
      socket.takesBytes = step.kind === 'drain';
      if (socket.takesBytes && !socket.destroyed) socket.drain();
    }
    clock.endTurn();
  }
}

export const stompSession = defineTarget<Conversation>({
  name: 'stomp-session',
  promise:
    'whatever a client sends, it is answered or told why it is let go, and the broker is well',
  inputsInTests: 300,
  inputs: fc.record({
    version: fc.constantFrom(VERSION.v10, VERSION.v11, VERSION.v12),
    connects: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
    steps: fc.array(anyStep(), { maxLength: 25 }),
    cuts: sizes,
  }),
  check: ({ version, connects, steps, cuts }) => {
    const scene = new Scene();
    const { connection } = scene;
    const all = connects ? [connectStep(version), ...steps] : steps;
    for (const step of all) scene.take(step, version, cuts);
    scene.journal.commitAll(scene.broker);
    connection.clock.endTurn();
    checkOutput(connection, connects ? version : null);
    connection.socket.destroy();
    connection.clock.advance(10_000);
    assert.equal(connection.closedCount, 1, 'closed once');
    assert.equal(connection.clock.timerCount, 0, 'a timer is left');
    checkNextClient(scene);
  },
});

function checkOutput({ socket }: Connection, version: StompVersion | null): void {
  const { frames, fault, isMidFrame } = decode([socket.takeBytes()], version, SERVER_LIMITS);
  assert.equal(fault, null, 'what was sent is STOMP');
  assert.equal(isMidFrame, false, 'the last frame is whole');
  for (const { command } of frames) assert.ok(FROM_SERVER.includes(command), `sent ${command}`);
  const errorAt = frames.findIndex(({ command }) => command === COMMAND.error);
  if (errorAt === -1) return;
  assert.equal(errorAt, frames.length - 1, 'ERROR is the last frame');
  assert.ok(socket.ended || socket.destroyed, 'ERROR ends the connection');
}

/** It may have to take what the one before left in its queue. */
function checkNextClient({ broker, journal }: Scene): void {
  journal.commitAll(broker);
  const statistics = broker.statistics();
  assert.equal(statistics.sessions, 0, 'the session is gone');
  const next = new TestClient(broker);
  const room = statistics.queues.find(({ destination }) => destination.kind === 'queue');
  const name = room?.destination.name ?? 'a';
  next.session.subscribe(
    {
      destination: { kind: 'queue', name },
      acknowledgement: 0,
      prefetch: 0,
      durable: null,
      context: null,
    },
    null,
  );
  journal.commitAll(broker);
  next.received.length = 0;
  next.session.send(
    {
      destination: { kind: 'queue', name },
      contentKind: 1,
      headers: new Uint8Array(0),
      body: new TextEncoder().encode('well?'),
      durable: true,
      priority: 4,
      expiresAtMs: 0,
      duplicateId: null,
    },
    'sent',
    null,
  );
  journal.commitAll(broker);
  assert.deepEqual(next.confirmations, ['sent']);
  assert.deepEqual(next.takeBodies(), ['well?']);
}

function connectStep(version: StompVersion): Step {
  const headers: [string, string][] = [
    ['accept-version', versionText(version)],
    ['client-id', 'c'],
    ['heart-beat', `0,${STOMP_CONFIG.heartbeatMs}`],
  ];
  const frame = { command: COMMAND.connect, headers, body: new Uint8Array(0) };
  return { kind: 'frame', frame, edits: [] };
}

/** Headers that mean something to somebody, with values that are often right. */
function anyHeader(): fc.Arbitrary<readonly [string, string]> {
  const pairs: [string, readonly string[]][] = [
    [
      'destination',
      ['/queue/a', '/queue/b', '/topic/t', '/queue/DLQ.a', '/queue/', 'a', '/queue/\\:'],
    ],
    ['id', ['1', '2', '0-1', '0-2', '1-1', '1-2', '2-3', '0-x', '']],
    ['message-id', ['1', '2', '3', '99999999999999999']],
    ['subscription', ['1', '2']],
    ['ack', ['auto', 'client', 'client-individual', 'other']],
    ['transaction', ['t', 'u', '']],
    ['receipt', ['r1', 'r2', 'a:b\\c\n', '']],
    ['persistent', ['false', 'true']],
    ['expires', ['0', '1', '9999999999999', '-1']],
    ['priority', ['0', '9', '10']],
    ['prefetch-count', ['0', '1', '1000000']],
    ['durable-subscription-name', ['d', 'e']],
    ['content-type', ['text/plain']],
    ['selector', ['x=1', "priority='1'", 'JMSPriority > 3', 'x IS NULL']],
    ['browser', ['true', 'false']],
    ['no-local', ['true', 'false']],
    ['AMQ_SCHEDULED_DELAY', ['0', '1', '-1']],
    ['_AMQ_SCHED_DELIVERY', ['1', '9999999999999']],
    ['accept-version', ['1.0', '1.1,1.2', '2.0']],
    ['heart-beat', ['0,0', '1,1', '100,100', 'x']],
    ['client-id', ['c', '']],
  ];
  return fc.oneof(
    ...pairs.map(([name, values]) => fc.tuple(fc.constant(name), fc.constantFrom(...values))),
    fc.tuple(headerName, headerText),
  );
}

/** What each command needs, so that most frames get somewhere. */
function anyFrame(): fc.Arbitrary<PlainFrame> {
  const needed: { readonly [command: number]: readonly [string, readonly string[]][] } = {
    [COMMAND.send]: [['destination', ['/queue/a', '/queue/b', '/topic/t']]],
    [COMMAND.subscribe]: [
      ['destination', ['/queue/a', '/queue/b', '/topic/t', '/topic/>', '/queue/DLQ.a']],
      ['id', ['1', '2', '3']],
      ['ack', ['auto', 'client', 'client-individual']],
    ],
    [COMMAND.unsubscribe]: [['id', ['1', '2', '3']]],
    [COMMAND.begin]: [['transaction', ['t', 'u']]],
    [COMMAND.commit]: [['transaction', ['t', 'u']]],
    [COMMAND.abort]: [['transaction', ['t', 'u']]],
    [COMMAND.ack]: ackHeaders(),
    [COMMAND.nack]: ackHeaders(),
  };
  const usual = [COMMAND.send, COMMAND.subscribe, COMMAND.ack, COMMAND.nack, COMMAND.begin];
  const command = fc.constantFrom(...usual, ...usual, ...usual, ...ALL_COMMANDS);
  return command.chain((chosen) => {
    const own = (needed[chosen] ?? []).map(([name, values]) =>
      fc.tuple(fc.constant(name), fc.constantFrom(...values)),
    );
    return fc.record({
      command: fc.constant(chosen),
      headers: fc
        .tuple(fc.tuple(...own), fc.array(anyHeader(), { maxLength: 3 }))
        .map(([first, more]) => [...first, ...more]),
      body: chosen === COMMAND.send ? fc.uint8Array({ maxLength: 300 }) : noBody(),
    });
  });
}

function ackHeaders(): readonly [string, readonly string[]][] {
  return [
    ['id', ['0-1', '0-2', '0-3', '1-1', '1-2', '1-3']],
    ['message-id', ['1', '2', '3', '4']],
    ['subscription', ['1', '2']],
  ];
}

function noBody(): fc.Arbitrary<Uint8Array> {
  return fc.constant(new Uint8Array(0));
}

function anyStep(): fc.Arbitrary<Step> {
  const edits = fc.oneof(
    { weight: 9, arbitrary: fc.constant([]) },
    fc.array(byteEdit, { minLength: 1, maxLength: 3 }),
  );
  return fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('frame'), frame: anyFrame(), edits }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait'), waitMs: fc.nat(3000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stall', 'drain') }) },
  ) as fc.Arbitrary<Step>;
}
