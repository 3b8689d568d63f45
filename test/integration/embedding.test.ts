/** Nodes inside of this process. test/interop/embedding.test.ts has them in a program that installs the package. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseTargetAddress } from '../../src/config/address.js';
import {
  Broker,
  type BrokerEnd,
  type BrokerSettings,
  HoldfastError,
  type Logger,
  type Role,
} from '../../src/embedding/broker.js';
import { atEnd } from '../support/at-end.js';
import { eventually, within } from '../support/eventually.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';

const QUEUE = '/queue/orders';

async function makeStore(t: TestContext): Promise<string> {
  const directory = await temporaryDirectoryOf(t);
  const store = join(directory, 'store');
  await mkdir(store);
  return store;
}

interface Watched {
  readonly broker: Broker;
  readonly roles: readonly Role[];
  readonly ends: readonly BrokerEnd[];
}

/** A Broker of this process on free ports, with what it told. */
function make(
  t: TestContext,
  store: string,
  name: string,
  more: Partial<BrokerSettings> = {},
): Watched {
  const broker = new Broker({
    settings: {
      store,
      name,
      stomp: { listen: '127.0.0.1:0' },
      admin: { listen: '127.0.0.1:0' },
      journal: { minFreeBytes: 0 },
      ownership: {
        lockPollIntervalMs: 20,
        statusIntervalMs: 100,
        freshMs: 500,
        checkIntervalMs: 100,
      },
      ...more,
    },
  });
  const watched = { broker, roles: [] as Role[], ends: [] as BrokerEnd[] };
  broker.on('role', ({ to }) => watched.roles.push(to));
  broker.on('ended', (end) => watched.ends.push(end));
  atEnd(t, () => broker.stop());
  return watched;
}

async function untilRole(broker: Broker, role: Role): Promise<void> {
  const reach = async (): Promise<void> => {
    while (broker.role !== role) await once(broker, 'role');
  };
  await within(`${broker.name} is ${role}`, reach());
}

async function sendTo(broker: Broker, body: string): Promise<void> {
  const client = await connect(parseTargetAddress(broker.addresses.stomp ?? '', 'stomp'));
  await client.send({ destination: QUEUE, body });
  await client.disconnect();
}

/** What the queue holds, taken out through this node. */
async function takeFrom(broker: Broker, count: number): Promise<readonly string[]> {
  const client = await connect(parseTargetAddress(broker.addresses.stomp ?? '', 'stomp'));
  const inbox = await Inbox.open(client, QUEUE, 'auto');
  await inbox.atLeast(count);
  client.destroy();
  return inbox.messages.map(({ body }) => Buffer.from(body).toString());
}

function refusal(settings: unknown): HoldfastError {
  try {
    new Broker({ settings: settings as BrokerSettings });
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return error;
  }
  return assert.fail('the settings were taken');
}

test('wrong settings are refused with the sentences of the configuration file', () => {
  const store = '/srv/holdfast';
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [
      { store, stomp: { listn: '1' } },
      'CONFIG_INVALID',
      /^Unknown key stomp\.listn in the settings of the Broker; did you mean stomp\.listen\?/,
    ],
    [
      { store, limits: { maxQueues: 'many' } },
      'CONFIG_INVALID',
      /^limits\.maxQueues in the settings of the Broker must be a whole number from 1 to 1000000, but is "many"/,
    ],
    [
      { store, stomp: 61613 },
      'CONFIG_INVALID',
      /^stomp in the settings of the Broker is a section/,
    ],
    [
      { store, addresses: { 'a.>': { whenFull: 'wait' } } },
      'CONFIG_INVALID',
      /^addresses\.a\.>\.whenFull in the settings/,
    ],
    [
      { store, stomp: { listen: '0.0.0.0:0' } },
      'ADDRESS_EXPOSED',
      /^stomp\.listen in the settings of the Broker is 0\.0\.0\.0:0/,
    ],
    [{}, 'CONFIG_INVALID', /^No store directory is given/],
    [undefined, 'CONFIG_INVALID', /^No store directory is given/],
    ['/srv/holdfast', 'CONFIG_INVALID', /^the settings of the Broker must hold settings/],
  ];
  for (const [settings, code, sentence] of cases) {
    const error = refusal(settings);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, sentence);
  }
});

test('variables of the environment are not its settings', (t) => {
  process.env.HOLDFAST_NAME = 'somebody';
  process.env.HOLDFAST_NOT_A_SETTING = '1';
  atEnd(t, () => {
    delete process.env.HOLDFAST_NAME;
    delete process.env.HOLDFAST_NOT_A_SETTING;
  });
  assert.equal(new Broker({ settings: { store: '/srv/holdfast', name: 'a' } }).name, 'a');
});

test('P1, P2: two in one process are one live and one backup, and hand over when one stops', async (t) => {
  const store = await makeStore(t);
  const first = make(t, store, 'a');
  assert.deepEqual(first.broker.addresses, {});
  await first.broker.start();
  await untilRole(first.broker, 'live');
  assert.match(first.broker.addresses.stomp ?? '', /^127\.0\.0\.1:\d+$/);
  assert.match(first.broker.addresses.admin ?? '', /^127\.0\.0\.1:\d+$/);
  const second = make(t, store, 'b');
  await second.broker.start();
  await untilRole(second.broker, 'backup');
  await sendTo(first.broker, 'to the live node');
  await eventually('the backup passes clients on', () =>
    sendTo(second.broker, 'through the backup').then(
      () => true,
      () => false,
    ),
  );

  await first.broker.stop();
  assert.deepEqual(
    first.ends.map(({ code }) => code),
    [null],
  );
  assert.equal(first.roles.at(-1), 'stopped');
  assert.ok(first.roles.includes('live'));
  await untilRole(second.broker, 'live');
  assert.deepEqual(await takeFrom(second.broker, 2), ['to the live node', 'through the backup']);
  await second.broker.stop();
  await second.broker.stop();
  assert.deepEqual(
    second.ends.map(({ code }) => code),
    [null],
  );
});

test('it starts once, and stopping what never started does nothing', async (t) => {
  const { broker, ends } = make(t, await makeStore(t), 'a');
  await broker.stop();
  await broker.start();
  await assert.rejects(broker.start(), /The broker a was started before/);
  await broker.stop();
  await assert.rejects(broker.start(), /was started before/);
  assert.equal(ends.length, 1);
});

test('a start that fails says why, and leaves nothing behind', async (t) => {
  const store = await makeStore(t);
  const { broker, ends } = make(t, join(store, 'missing'), 'a');
  await assert.rejects(broker.start(), { code: 'STORE_MISSING' });
  await broker.stop();
  const live = make(t, store, 'a');
  await live.broker.start();
  await untilRole(live.broker, 'live');
  const listen = live.broker.addresses.stomp ?? '';
  const other = make(t, store, 'b', { stomp: { listen } });
  await assert.rejects(other.broker.start(), { code: 'ADDRESS_IN_USE' });
  assert.equal((await readdir(join(store, 'nodes'))).length, 1);
  assert.deepEqual([...ends, ...other.ends], []);
});

test('P3: a node that lost its lock ends alone; the program goes on, and another Broker takes over', async (t) => {
  const store = await makeStore(t);
  const first = make(t, store, 'a');
  await first.broker.start();
  await untilRole(first.broker, 'live');
  await sendTo(first.broker, 'confirmed');
  const ended = once(first.broker, 'ended');
  await unlink(join(store, 'lock'));
  const [end] = (await within('a ends', ended)) as [BrokerEnd];
  assert.equal(end.code, 'OWNERSHIP_LOST');
  assert.match(end.reason, /lock file .* was removed or replaced/);
  const next = make(t, store, 'a');
  await next.broker.start();
  await untilRole(next.broker, 'live');
  assert.deepEqual(await takeFrom(next.broker, 1), ['confirmed']);
});

test('a logger hears what the log of a process would hold', async (t) => {
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const settings = {
    store: await makeStore(t),
    stomp: { listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
  };
  const broker = new Broker({ settings, logger });
  await broker.start();
  await untilRole(broker, 'live');
  await broker.stop();
  for (const event of ['listener-started', 'role-changed'])
    assert.ok(events.includes(event), event);
});
