/** AMQP clients that break the rules, or stretch them, are told so where they did; all others do not notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTargetAddress } from '../../src/config/address.js';
import { CONDITION } from '../../src/protocols/amqp/amqp-error.js';
import { readFields } from '../../src/protocols/amqp/composite.js';
import { encodedState } from '../../src/protocols/amqp/encoded-state.js';
import { PROTOCOL_ID, protocolHeader } from '../../src/protocols/amqp/frame-decoder.js';
import {
  ACCEPTED_STATE,
  ATTACH,
  COORDINATOR,
  DECLARE,
  DECLARED,
  DISPOSITION,
  FLOW,
  REJECTED,
  ROLE,
  SOURCE,
  TARGET,
  TRANSACTIONAL_STATE,
  TRANSFER,
} from '../../src/protocols/amqp/performatives.js';
import { ValueReader } from '../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../src/protocols/amqp/value-writer.js';
import { errorOf, frameBytes, frameOf, type SentFrame } from '../support/amqp-frames.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { residentBytes } from '../support/process-resources.js';
import { RawAmqpClient } from '../support/raw-amqp-client.js';
import { RawClient } from '../support/raw-client.js';
import { startWithOthers } from '../support/served-others.js';

const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };
const LINKS = 100_000;
const CONNECTIONS_OF_LINKS = 10;
const LINKS_PER_SESSION = 4_000;
/** Of a link, and of the frames of its attach that wait for each other on the way. */
const BYTES_PER_LINK = 6 * 1024;
const MANY_LINKS_LIMIT_MS = 60_000;

const amqpOf = (node: NodeProcess) => parseTargetAddress(node.addressOf('amqp'), 'the log');
const open = (node: NodeProcess, sessions = 1): Promise<RawAmqpClient> =>
  RawAmqpClient.begin(amqpOf(node), 'hostile', sessions);

function attachSender(channel: number, handle: number, address = 'q'): Uint8Array {
  return frameOf(channel, ATTACH, {
    name: `to-${handle}`,
    handle,
    role: ROLE.sender,
    source: encodedState(SOURCE, {}),
    target: encodedState(TARGET, { address }),
    initialDeliveryCount: 0,
  });
}

function attachReceiver(handle: number, selector?: string): Uint8Array {
  return frameOf(0, ATTACH, {
    name: `from-${handle}`,
    handle,
    role: ROLE.receiver,
    source: encodedState(SOURCE, {
      address: 'q',
      ...(selector === undefined ? {} : { filter: selectorFilter(selector) }),
    }),
    target: encodedState(TARGET, {}),
  });
}

function selectorFilter(text: string): Uint8Array {
  const writer = new ValueWriter();
  const start = writer.beginMap();
  writer.symbol('jms-selector');
  writer.raw(Uint8Array.of(0x00));
  writer.symbol('apache.org:selector-filter:string');
  writer.string(text);
  writer.endCompound(start, 2);
  return writer.written.slice();
}

function transfer(deliveryId: number, state: Uint8Array | null = null, handle = 0): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(0x70);
  // The header section: durable.
  writer.raw(Uint8Array.of(0xc0, 2, 1, 0x41));
  writer.describedBy(0x77);
  writer.string(`message ${deliveryId}`);
  const deliveryTag = Uint8Array.of(deliveryId & 0xff);
  return frameOf(0, TRANSFER, { handle, deliveryId, deliveryTag, state }, writer.written.slice());
}

interface Offence {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly answer: 'close' | 'end' | 'detach';
  readonly condition: string;
}

const nested = (depth: number): Uint8Array => {
  // A list of one list of one list ...: format code, size, count each.
  let value = Buffer.of(0x45);
  for (let level = 0; level < depth; level += 1) {
    const head = Buffer.of(0xd0, 0, 0, 0, 0, 0, 0, 0, 1);
    head.writeUInt32BE(value.length + 4, 1);
    value = Buffer.concat([head, value]);
  }
  return value;
};

const OFFENCES: readonly Offence[] = [
  {
    what: 'a frame that says 2 GiB',
    bytes: Uint8Array.of(0x80, 0, 0, 0, 2, 0, 0, 0),
    answer: 'close',
    condition: CONDITION.framingError,
  },
  {
    what: 'a performative that does not exist',
    bytes: frameBytes(0, Uint8Array.of(0, 0x53, 0x3f, 0x45)),
    answer: 'close',
    condition: CONDITION.notImplemented,
  },
  {
    what: 'invalid UTF-8 in the name of a link',
    bytes: frameBytes(
      0,
      Buffer.from([0, 0x53, ATTACH.code, 0xc0, 8, 3, 0xa1, 2, 0xff, 0xfe, 0x43, 0x42]),
    ),
    answer: 'close',
    condition: CONDITION.decodeError,
  },
  {
    what: 'values a thousand deep in each other',
    bytes: frameBytes(0, Buffer.concat([Buffer.of(0, 0x53, ATTACH.code), nested(1_000)])),
    answer: 'close',
    condition: CONDITION.decodeError,
  },
  {
    what: 'a transfer on a handle that is not attached',
    bytes: transfer(0),
    answer: 'end',
    condition: CONDITION.unattachedHandle,
  },
  {
    what: 'a selector that is none',
    bytes: attachReceiver(0, 'color = = 1'),
    answer: 'detach',
    condition: CONDITION.invalidField,
  },
  {
    what: 'a selector of a hundred thousand parentheses',
    bytes: attachReceiver(0, `${'('.repeat(50_000)}1=1${')'.repeat(50_000)}`),
    answer: 'detach',
    condition: CONDITION.invalidField,
  },
  {
    what: 'a selector of 1 MB',
    bytes: attachReceiver(0, `color = '${'x'.repeat(1_000_000)}'`),
    answer: 'close',
    condition: CONDITION.framingError,
  },
];

test('each offence is answered where it happened, and nobody else notices', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, AMQP);
  for (const { what, bytes, answer, condition } of OFFENCES) {
    const client = await open(live);
    client.write(bytes);
    const frame =
      answer === 'close' ? await client.closed() : (await client.atLeast(answer, 1)).at(-1);
    assert.equal(frame?.name, answer, what);
    assert.equal(errorOf(frame)?.condition, condition, `${what}: ${errorOf(frame)?.description}`);
    client.raw.socket.destroy();
    await checkOthers();
  }
});

test('a selector of 1 MB in a frame that may be so large is refused on its link', async (t) => {
  const large = { HOLDFAST_AMQP_MAX_FRAME_BYTES: '2097152' };
  const { live, checkOthers } = await startWithOthers(t, { ...AMQP, ...large });
  const client = await open(live);
  client.write(attachReceiver(0, `color = '${'x'.repeat(1_000_000)}'`));
  const [detach] = await client.atLeast('detach', 1);
  assert.equal(errorOf(detach)?.condition, CONDITION.invalidField);
  await checkOthers();
});

test('a selector that would try every way to match takes no longer for it', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, AMQP);
  const client = await open(live);
  const selector = `JMSCorrelationID LIKE '${'%a'.repeat(500)}b' OR JMSType NOT LIKE '${'_%'.repeat(500)}'`;
  client.write(attachReceiver(0, selector));
  client.write(attachSender(0, 1));
  await client.atLeast('attach', 2);
  client.write(
    frameOf(0, FLOW, {
      nextIncomingId: 0,
      incomingWindow: 1_000,
      nextOutgoingId: 0,
      outgoingWindow: 1_000,
      handle: 0,
      deliveryCount: 0,
      linkCredit: 10,
      drain: true,
    }),
  );
  for (let id = 0; id < 100; id += 1) client.write(transfer(id, null, 1));
  await client.atLeast('disposition', 1);
  await checkOthers();
});

test('dispositions over all deliveries that there can be cost nothing', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, AMQP);
  const client = await open(live);
  const all = { role: ROLE.receiver, first: 0, last: 0xffffffff, settled: true };
  for (let times = 0; times < 1_000; times += 1) {
    client.write(frameOf(0, DISPOSITION, { ...all, state: ACCEPTED_STATE }));
  }
  client.write(attachSender(0, 0));
  await client.atLeast('attach', 1);
  await checkOthers();
});

test('transfers beyond the credit end their link', async (t) => {
  const limits = { HOLDFAST_AMQP_LINK_CREDIT: '10', HOLDFAST_LIMITS_QUEUE_MAX_MESSAGES: '5' };
  const { live, checkOthers } = await startWithOthers(t, { ...AMQP, ...limits });
  const client = await open(live);
  client.write(attachSender(0, 0));
  await client.atLeast('flow', 1);
  for (let id = 0; id < 40; id += 1) client.write(transfer(id));
  const [detach] = await client.atLeast('detach', 1);
  assert.equal(errorOf(detach)?.condition, CONDITION.transferLimitExceeded);
  await checkOthers();
});

test('connections and sessions that are opened by half are bounded', async (t) => {
  const limits = { HOLDFAST_AMQP_OPEN_TIMEOUT_MS: '500', HOLDFAST_AMQP_MAX_SESSIONS: '8' };
  const { live, checkOthers } = await startWithOthers(t, { ...AMQP, ...limits });
  const silent = await Promise.all([1, 2, 3].map(() => RawClient.open(amqpOf(live))));
  silent[1]?.write(protocolHeader(PROTOCOL_ID.amqp));
  silent[2]?.write(Buffer.concat([protocolHeader(PROTOCOL_ID.amqp), Buffer.of(0, 0, 0, 99)]));
  await Promise.all(silent.map(({ closed }) => closed));
  const client = await open(live, 8);
  client.beginSession(8);
  const close = await client.closed();
  assert.equal(errorOf(close)?.condition, CONDITION.framingError);
  assert.match(errorOf(close)?.description ?? '', /amqp\.maxSessions/);
  await checkOthers();
});

test('a transaction holds a bounded part of memory, and for a bounded time', async (t) => {
  const limits = {
    HOLDFAST_LIMITS_TRANSACTION_TIMEOUT_MS: '500',
    HOLDFAST_LIMITS_MAX_TRANSACTION_BYTES: '8192',
    HOLDFAST_AMQP_MAX_MESSAGE_BYTES: '1024',
    HOLDFAST_STOMP_MAX_BODY_BYTES: '1024',
  };
  const { live, checkOthers } = await startWithOthers(t, { ...AMQP, ...limits });
  const client = await open(live);
  client.write(
    frameOf(0, ATTACH, {
      name: 'transactions',
      handle: 0,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target: encodedState(COORDINATOR, {}),
      initialDeliveryCount: 0,
    }),
  );
  client.write(attachSender(0, 1));
  const tooMany = await declare(client, 0);
  for (let id = 1; id <= 200; id += 1) client.write(transfer(id, tooMany, 1));
  const answers = await client.atLeast('disposition', 201);
  assert.match(refusalOf(answers.at(-1)) ?? '', /maxTransactionBytes|took longer/);
  const tooLong = await declare(client, 201);
  let id = 202;
  await eventually('its time is over', async () => {
    client.write(transfer(id, tooLong, 1));
    id += 1;
    const all = await client.atLeast('disposition', id);
    return /transactionTimeoutMs/.test(refusalOf(all.at(-1)) ?? '');
  });
  await checkOthers();
});

/** Resolves with the state that makes a transfer a part of the new transaction. */
async function declare(client: RawAmqpClient, deliveryId: number): Promise<Uint8Array> {
  const payload = Buffer.concat([Buffer.of(0, 0x53, 0x77), encodedState(DECLARE, {})]);
  const deliveryTag = Uint8Array.of(0);
  client.write(frameOf(0, TRANSFER, { handle: 0, deliveryId, deliveryTag }, payload));
  const answers = await client.atLeast('disposition', deliveryId + 1);
  const reader = new ValueReader(answers.at(-1)?.fields.state as Uint8Array);
  assert.equal(reader.descriptor(), DECLARED.code);
  const [txnId] = reader.value() as readonly [Uint8Array];
  return encodedState(TRANSACTIONAL_STATE, { txnId });
}

/** Why the broker has rejected a transfer; undefined when it has not. */
function refusalOf(disposition: SentFrame | undefined): string | undefined {
  const reader = new ValueReader(disposition?.fields.state as Uint8Array);
  if (reader.descriptor() !== REJECTED.code) return undefined;
  return readFields(reader, REJECTED).error?.description ?? '';
}

test(`${LINKS} links are bounded in memory, and others are served`, async (t) => {
  const { live, checkOthers } = await startWithOthers(t, AMQP);
  const before = await residentBytes(live.pid);
  const perConnection = LINKS / CONNECTIONS_OF_LINKS;
  const sessions = Math.ceil(perConnection / LINKS_PER_SESSION);
  for (let connection = 0; connection < CONNECTIONS_OF_LINKS; connection += 1) {
    const client = await open(live, sessions);
    atEnd(t, () => client.raw.socket.destroy());
    for (let link = 0; link < perConnection; link += 1) {
      const channel = Math.floor(link / LINKS_PER_SESSION);
      client.write(attachSender(channel, link % LINKS_PER_SESSION, `q${link % 100}`));
    }
    await client.atLeast('attach', perConnection, MANY_LINKS_LIMIT_MS);
    client.frames.length = 0;
    await checkOthers();
  }
  const perLink = ((await residentBytes(live.pid)) - before) / LINKS;
  t.diagnostic(`${Math.round(perLink)} bytes per link`);
  assert.ok(perLink < BYTES_PER_LINK, `${perLink} bytes per link`);
});
