/** The programs of examples/, as their reader would run them. Where their packages are missing they are skipped, loudly. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { repositoryRoot } from '../support/repository-root.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { type Pair, TestStore } from '../support/test-store.js';
import { FailoverLedger } from './failover-ledger.js';
import { classPathOf, failoverUrl, JMS_PACKAGES, noMaven } from './java-programs.js';
import { LineProgram, type LineProgramOptions } from './line-program.js';

const EXAMPLES = join(repositoryRoot(), 'examples');
const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };
/** Debian's, whose packages are not another Python's. */
const PYTHON = '/usr/bin/python3';
const noProton =
  spawnSync(PYTHON, ['-c', 'import proton'], { stdio: 'ignore' }).status === 0
    ? false
    : 'SKIPPED: python3-qpid-proton is not installed';
const INTERVAL_MS = '5';
/** Before the kill, and again after it. */
const CONFIRMED_AT_LEAST = 200;
const LOAD_LIMIT_MS = 30_000;

for (const jmsPackage of JMS_PACKAGES) {
  test(`jms: ${jmsPackage}.jms with what it looks up`, { skip: noMaven }, async (t) => {
    const store = await TestStore.make(t, AMQP);
    const { live, backup } = await store.startPair();
    // Where a reader would put the addresses of his nodes: earlier on the class path than the example's own.
    const settings = await jndiProperties(t, failoverUrl(backup, live));
    const classPath = `${settings}:${await classPathOf(`jms-${jmsPackage}`)}`;
    const run = (program: string): LineProgram =>
      new LineProgram(t, { command: 'java', args: ['-cp', classPath, program] });
    await run('Send').line(/^sent: Hello, World!$/);
    await run('Receive').line(/^received: Hello, World!$/);
    const listener = run('Listen');
    await listener.line(/^listening$/);
    assert.equal(await run('Send').end(), 0);
    await listener.line(/^received: Hello, World!$/);
    assert.deepEqual(listener.lines, ['listening', 'received: Hello, World!']);
  });
}

test('spring: JmsTemplate and @JmsListener go on after kill -9 of the live node', {
  skip: noMaven,
}, async (t) => {
  const store = await TestStore.make(t, AMQP);
  const pair = await store.startPair();
  const settings = [
    `--amqphub.amqp10jms.remoteUrl=${failoverUrl(pair.live, pair.backup)}`,
    `--orders.interval-ms=${INTERVAL_MS}`,
  ];
  const args = ['-cp', await classPathOf('spring'), 'examples.OrdersApplication', ...settings];
  const load = new OrdersLoad(t, [{ command: 'java', args }]);
  await load.surviveKill(pair);
});

test('javascript: rhea goes on after kill -9 of the live node', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const pair = await store.startPair();
  const addresses = [pair.live, pair.backup].map((node) => node.addressOf('amqp'));
  const load = new OrdersLoad(t, [
    javascript('amqp-sender.js', addresses),
    javascript('amqp-receiver.js', addresses),
  ]);
  await load.surviveKill(pair);
});

test('javascript: @stomp/stompjs goes on after kill -9 of the live node', async (t) => {
  const store = await TestStore.make(t);
  const pair = await store.startPair();
  const addresses = [pair.live, pair.backup].map((node) => node.addressOf('stomp'));
  const load = new OrdersLoad(t, [javascript('stomp.js', addresses)]);
  await load.surviveKill(pair);
});

test('python: Qpid Proton goes on after kill -9 of the live node', {
  skip: noProton,
}, async (t) => {
  const store = await TestStore.make(t, AMQP);
  const pair = await store.startPair();
  const addresses = [pair.live, pair.backup].map((node) => node.addressOf('amqp'));
  const python = (file: string): LineProgramOptions => ({
    command: PYTHON,
    args: [join(EXAMPLES, 'python', file), ...addresses],
    environment: { INTERVAL_MS },
  });
  const load = new OrdersLoad(t, [python('send.py'), python('receive.py')]);
  await load.surviveKill(pair);
});

function javascript(file: string, addresses: readonly string[]): LineProgramOptions {
  return {
    command: process.execPath,
    args: [join(EXAMPLES, 'javascript', file), ...addresses],
    environment: { INTERVAL_MS },
  };
}

/** A folder with these properties, whose names are those of the example. */
async function jndiProperties(t: TestContext, url: string): Promise<string> {
  const directory = await temporaryDirectoryOf(t);
  const lines = [`connectionfactory.jms/ConnectionFactory = ${url}`];
  await writeFile(join(directory, 'jndi.properties'), lines.join('\n'));
  return directory;
}

/** One program that sends orders and receives them, or two, the first of which sends. */
class OrdersLoad {
  readonly #ledger = new FailoverLedger();
  readonly #test: TestContext;
  readonly #programs: LineProgram[];

  constructor(t: TestContext, programs: readonly LineProgramOptions[]) {
    this.#test = t;
    this.#programs = programs.map(
      (options) => new LineProgram(t, { ...options, onLine: this.#onLine }),
    );
  }

  /** Ends with the sender, and everything that it was told about having been received. */
  async surviveKill({ live, backup }: Pair): Promise<void> {
    await this.#confirmsMore();
    this.#ledger.noteUnderWay();
    await live.kill();
    this.#ledger.noteUnderWay();
    await backup.untilRole('live');
    await this.#confirmsMore();
    if (this.#programs.length > 1) await this.#programs[0]?.kill();
    await this.#ledger.check();
    this.#test.diagnostic(this.#ledger.summary);
  }

  async #confirmsMore(): Promise<void> {
    const wanted = this.#ledger.confirmed.size + CONFIRMED_AT_LEAST;
    await eventually(
      `${wanted} orders are confirmed`,
      () => this.#ledger.confirmed.size >= wanted,
      LOAD_LIMIT_MS,
    );
  }

  readonly #onLine = (line: string): void => {
    const [event, order] = line.split(/ (?:order )?/) as [string, string];
    this.#ledger.record(event, order);
  };
}
