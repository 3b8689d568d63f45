/** Clients that break the rules are told so and cut off; all others do not notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { atEnd } from '../support/at-end.js';
import { eventually, within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { descriptorLimit, residentBytes } from '../support/process-resources.js';
import { RawClient } from '../support/raw-client.js';
import { startWithOthers } from '../support/served-others.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const LIMITS = {
  HOLDFAST_STOMP_MAX_HEADER_BYTES: '4096',
  HOLDFAST_STOMP_MAX_HEADERS: '20',
  HOLDFAST_STOMP_MAX_BODY_BYTES: '65536',
  HOLDFAST_STOMP_CONNECT_TIMEOUT_MS: '500',
  HOLDFAST_STOMP_FRAME_TIMEOUT_MS: '1000',
} as const;

/** Where the limit on open descriptors has no room for them, fewer; never on the way to a release. */
const WANTED_CONNECTIONS = 10_000;
const IDLE_CONNECTIONS =
  process.env.CI !== undefined || (await descriptorLimit()) >= 12_000 ? WANTED_CONNECTIONS : 2_000;

/** What the node may grow by for a client that does not read; it is sent twice as much. */
const DEAF_GROWTH_BYTES = 24 * 1024 * 1024;
const DEAF_BODY_BYTES = 60_000;
const DEAF_MESSAGES = 800;

interface Offence {
  readonly what: string;
  readonly bytes: string;
  readonly answer: RegExp;
}

const OFFENCES: readonly Offence[] = [
  {
    what: 'a header over the limit',
    bytes: `SEND\ndestination:/queue/q\nlong:${'x'.repeat(5_000)}\n\nbody\0`,
    answer: /4096[\s\S]*stomp\.maxHeaderBytes/,
  },
  {
    what: 'a header that never ends',
    bytes: `SEND\nlong:${'x'.repeat(100_000)}`,
    answer: /4096[\s\S]*stomp\.maxHeaderBytes/,
  },
  {
    what: 'too many headers',
    bytes: `SEND\ndestination:/queue/q\n${'a:b\n'.repeat(30)}\nbody\0`,
    answer: /20[\s\S]*stomp\.maxHeaders/,
  },
  {
    what: 'a body over the limit, by its content-length',
    bytes: 'SEND\ndestination:/queue/q\ncontent-length:70000\n\n',
    answer: /65536[\s\S]*stomp\.maxBodyBytes/,
  },
  {
    what: 'a body over the limit, without a content-length',
    bytes: `SEND\ndestination:/queue/q\n\n${'x'.repeat(70_000)}`,
    answer: /65536[\s\S]*stomp\.maxBodyBytes/,
  },
  {
    what: 'an escape that is none',
    bytes: 'SEND\ndestination:/queue/q\nname:wrong\\tescape\n\nbody\0',
    answer: /\\\\t|escape/i,
  },
  {
    what: 'NUL inside a body without a content-length',
    bytes: 'SEND\ndestination:/queue/q\n\nbody\0more\n\0',
    answer: /Unknown command "more/,
  },
  {
    what: 'NUL among the headers',
    bytes: 'SEND\ndestination:/queue/q\0\n\nbody\0',
    answer: /NUL among the headers of SEND/,
  },
  {
    what: 'a body longer than its content-length',
    bytes: 'SEND\ndestination:/queue/q\ncontent-length:2\n\nbody\0',
    answer: /longer than its content-length/,
  },
];

/** Instead of CONNECT. */
const FIRST_OFFENCES: readonly Offence[] = [
  {
    what: 'a CONNECT with a header over the limit',
    bytes: `CONNECT\naccept-version:1.2\nhost:${'x'.repeat(5_000)}\n\n\0`,
    answer: /4096[\s\S]*stomp\.maxHeaderBytes/,
  },
  {
    what: 'a CONNECT with too many headers',
    bytes: `CONNECT\naccept-version:1.2\nhost:test\n${'a:b\n'.repeat(30)}\n\0`,
    answer: /20[\s\S]*stomp\.maxHeaders/,
  },
  {
    what: 'another protocol',
    bytes: 'GET / HTTP/1.1\r\n\r\n',
    answer: /Unknown command/,
  },
];

test('what is over a limit or no STOMP gets a clear ERROR, and nobody else notices', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, LIMITS);
  const check = async (client: RawClient, { what, bytes, answer }: Offence): Promise<void> => {
    client.write(bytes);
    const error = await client.refusal();
    assert.match(error, /^ERROR\n/, what);
    assert.match(error, answer, what);
    await checkOthers();
  };
  for (const offence of OFFENCES) await check(await RawClient.connect(live.address), offence);
  for (const offence of FIRST_OFFENCES) await check(await RawClient.open(live.address), offence);
});

test('a client that sends one byte at a time and never a CONNECT is cut off', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, LIMITS);
  const client = await RawClient.open(live.address);
  let isClosed = false;
  void client.closed.then(() => {
    isClosed = true;
  });
  for (const byte of 'CONNECT\naccept-version:1.2\n') {
    if (isClosed) break;
    client.write(byte);
    await delay(50);
  }
  assert.match(await client.refusal(), /No whole CONNECT frame within 500 ms/);
  await checkOthers();
});

test('a frame that is sent one byte at a time is cut off after the frame limit', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, LIMITS);
  const client = await RawClient.connect(live.address);
  let isClosed = false;
  void client.closed.then(() => {
    isClosed = true;
  });
  for (let bytes = 0; bytes < 200 && !isClosed; bytes += 1) {
    client.write(bytes === 0 ? 'SEND\ndestination:/queue/q\n\n' : 'x');
    await delay(50);
  }
  assert.match(await client.refusal(), /A frame was not complete within 1000 ms/);
  await checkOthers();
});

test('a client that never reads is cut off, costs little memory, and others get its messages', async (t) => {
  const { live, checkOthers } = await startWithOthers(t, {
    ...LIMITS,
    HOLDFAST_JOURNAL_CACHE_BYTES: '1048576',
  });
  const producer = await connect(live.address);
  const sendAll = async (): Promise<void> => {
    const body = 'x'.repeat(DEAF_BODY_BYTES);
    for (let number = 0; number < DEAF_MESSAGES; number += 1) {
      await producer.send({ destination: '/queue/q', body });
    }
  };
  // The same traffic once before, so that only what a deaf client costs is measured.
  await sendAll();
  await takeAll(live);
  const before = await residentBytes(live.pid);
  const deaf = await RawClient.connect(live.address);
  deaf.socket.pause();
  deaf.write('SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client-individual\n\n\0');
  await sendAll();
  await checkOthers();
  const growth = (await residentBytes(live.pid)) - before;
  t.diagnostic(`${Math.round(growth / 1024)} KiB more with a client that does not read`);
  assert.ok(growth < DEAF_GROWTH_BYTES, `it grew by ${growth} bytes`);
  // All of them, so none is left with the client that had some.
  await takeAll(live);
  deaf.socket.resume();
  await within('the connection of the client that never read is closed', deaf.closed);
  const had = deaf.received.split('\nMESSAGE\n').length;
  assert.ok(had < DEAF_MESSAGES / 2, `${had} messages were buffered for it`);
});

test(`${IDLE_CONNECTIONS} idle connections are bounded in memory and others are served`, async (t) => {
  const limit = await descriptorLimit();
  const needed = IDLE_CONNECTIONS + 1_000;
  assert.ok(limit >= needed, `of ${needed} descriptors only ${limit} are allowed: see ulimit -Hn`);
  if (IDLE_CONNECTIONS < WANTED_CONNECTIONS) t.diagnostic(`only ${limit} descriptors are allowed`);
  const { live, checkOthers } = await startWithOthers(t, LIMITS);
  const before = await residentBytes(live.pid);
  const clients: RawClient[] = [];
  atEnd(t, () => {
    for (const { socket } of clients) socket.destroy();
  });
  while (clients.length < IDLE_CONNECTIONS) {
    const some = Array.from({ length: 100 }, () => RawClient.connect(live.address));
    clients.push(...(await Promise.all(some)));
  }
  await checkOthers();
  const perConnection = ((await residentBytes(live.pid)) - before) / IDLE_CONNECTIONS;
  t.diagnostic(`${Math.round(perConnection / 1024)} KiB per connection`);
  assert.ok(perConnection < 64 * 1024);
});

test('connections above the limit are refused with the setting that limits them', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_STOMP_MAX_CONNECTIONS: '3' });
  const live = await store.startLive('a');
  const served = await Promise.all([1, 2, 3].map(() => RawClient.connect(live.address)));
  const refused = await RawClient.open(live.address);
  assert.match(await refused.refusal(), /^ERROR\n[\s\S]*stomp\.maxConnections/);
  served[0]?.socket.destroy();
  await eventually('another one is served', async () => {
    const next = await RawClient.open(live.address);
    next.write('CONNECT\naccept-version:1.2\nhost:test\n\n\0');
    await eventually('it is answered', () => next.received !== '');
    return next.received.startsWith('CONNECTED');
  });
});

/** A client that takes and acknowledges every message of `/queue/q`. */
async function takeAll(live: NodeProcess): Promise<void> {
  const reader = await connect(live.address);
  const taken = new Set<string>();
  await reader.subscribe({
    destination: '/queue/q',
    ack: 'client-individual',
    onMessage: (message) => {
      reader.acknowledgeConfirmed(message).then(
        () => taken.add(message.messageId),
        () => undefined,
      );
    },
  });
  await eventually('every message is taken', () => taken.size === DEAF_MESSAGES, 30_000);
  await reader.disconnect();
}
