/** The STOMP client against a broker that sends anything: it goes on or gives up, and says so. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { StompClient } from '../../src/client/stomp-client.js';
import { HoldfastError } from '../../src/platform/errors.js';
import type { Network } from '../../src/platform/ports.js';
import { COMMAND } from '../../src/protocols/stomp/commands.js';
import { VERSION } from '../../src/protocols/stomp/version.js';
import { ManualClock } from '../support/manual-clock.js';
import { FakeSocket } from '../unit/protocols/shared/fake-socket.js';
import {
  type ByteEdit,
  byteEdit,
  cutInto,
  editedBytes,
  encodeAll,
  frame,
  headerName,
  headerText,
  type PlainFrame,
  sizes,
} from './stomp-frames.js';
import { defineTarget } from './target.js';

interface Answers {
  readonly frames: readonly PlainFrame[];
  readonly edits: readonly ByteEdit[];
  readonly cuts: readonly number[];
  readonly waitMs: number;
}

const SERVER = { host: 'broker', port: 61613 };
const MAX_ROUNDS = 20;
const noNetwork: Network = {
  listen: () => Promise.reject(new Error('nobody listens')),
  connect: () => Promise.reject(new Error('nobody connects')),
};

const header = fc.oneof(
  fc.constantFrom<readonly [string, string]>(
    ['version', '1.2'],
    ['version', '1.0'],
    ['heart-beat', '100,100'],
    ['heart-beat', 'x'],
    ['receipt-id', '1'],
    ['receipt-id', '2'],
    ['subscription', '1'],
    ['message-id', '1'],
    ['ack', '0-1'],
    ['message', 'no'],
  ),
  fc.tuple(headerName, headerText),
);

const serverFrame: fc.Arbitrary<PlainFrame> = fc
  .constantFrom(COMMAND.connected, COMMAND.message, COMMAND.receipt, COMMAND.error)
  .chain((command) =>
    fc.record({
      command: fc.constant(command),
      headers: fc.array(header, { maxLength: 5 }),
      body:
        command === COMMAND.message || command === COMMAND.error
          ? fc.uint8Array({ maxLength: 200 })
          : fc.constant(new Uint8Array(0)),
    }),
  );

const CONNECTED: PlainFrame = {
  command: COMMAND.connected,
  headers: [['version', '1.2']],
  body: new Uint8Array(0),
};

const answers = fc
  .tuple(
    fc.constantFrom([CONNECTED], [CONNECTED], []),
    fc.array(fc.oneof({ weight: 9, arbitrary: serverFrame }, frame), { maxLength: 8 }),
  )
  .map(([first, more]) => [...first, ...more]);

export const stompClient = defineTarget<Answers>({
  name: 'stomp-client',
  promise: 'whatever a broker sends, the client goes on or says once why it gives up',
  inputsInTests: 300,
  inputs: fc.record({
    frames: answers,
    edits: fc.oneof(fc.constant([]), fc.array(byteEdit, { minLength: 1, maxLength: 3 })),
    cuts: sizes,
    waitMs: fc.nat(3000),
  }),
  check: async ({ frames, edits, cuts, waitMs }) => {
    const socket = new FakeSocket();
    const clock = new ManualClock();
    const options = { network: noNetwork, clock, connectTimeoutMs: 1000, heartbeatMs: 100 };
    const outcomes: Promise<unknown>[] = [];
    const opening = StompClient.open(socket, SERVER, options);
    outcomes.push(opening.then(use, refusal));
    const bytes = editedBytes(encodeAll(frames, VERSION.v12), edits);
    for (const chunk of cutInto(bytes, cuts)) {
      if (!socket.destroyed) socket.push(chunk);
      // Lets the promises of the client run.
      await Promise.resolve();
      clock.endTurn();
    }
    clock.advance(waitMs);
    socket.destroy();
    for (let round = 0; round < MAX_ROUNDS; round += 1) await Promise.resolve();
    await Promise.all(outcomes);
    assert.equal(clock.timerCount, 0, 'a timer is left');

    /** Asks for something, so that answers mean something. */
    function use(client: StompClient): Promise<unknown> {
      const onMessage = (message: { text(): string; headers(): unknown }): void => {
        message.text();
        message.headers();
      };
      const request = { destination: '/queue/a', ack: 'client', onMessage } as const;
      return Promise.all([
        client.subscribe(request).catch(refusal),
        client.send({ destination: '/queue/a', body: 'x' }).catch(refusal),
        client.closed.then((reason) => assert.ok(reason instanceof HoldfastError)),
      ]);
    }
  },
});

function refusal(error: unknown): void {
  if (!(error instanceof HoldfastError)) throw error;
  assert.notEqual(error.message, '');
}
