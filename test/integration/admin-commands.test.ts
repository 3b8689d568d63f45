/** `holdfast queue` and `holdfast connection` against real nodes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { StompClient } from '../../src/client/stomp-client.js';
import { atEnd } from '../support/at-end.js';
import { atTerminal } from '../support/at-terminal.js';
import { eventually } from '../support/eventually.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** With nobody at a terminal to be asked. */
async function holdfast(store: TestStore, ...words: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { PATH: process.env.PATH, HOLDFAST_STORE: store.layout.root },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

async function succeeds(store: TestStore, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await holdfast(store, ...words);
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  return stdout;
}

async function send(client: StompClient, destination: string, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    await client.send({ destination, body: `body ${number}`, headers: { number: `${number}` } });
  }
}

test('queues on the command line: list, stat, browse, move, pause, purge', async (t) => {
  const store = await TestStore.make(t);
  const { live } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/orders', 5);
  await client.send({ destination: '/queue/orders', body: 'a\u001b[31mred\nline' });

  assert.match(await succeeds(store, 'queue', 'list'), /^orders +6 +6 +0 +0 +/m);
  assert.match(await succeeds(store, 'queue', 'stat', 'orders'), /^ {2}ready +6$/m);
  const browsed = await succeeds(store, 'queue', 'browse', 'orders');
  assert.match(browsed, /^\d+ +ready +\S+ \S+ +6 B +0 +body 1$/m);
  assert.match(browsed, /ared line$/m, 'nothing moves the cursor of a terminal');
  const filtered = await succeeds(
    store,
    ...['queue', 'browse', 'orders', '--json', '--filter', "number = '2'"],
  );
  const [message] = JSON.parse(filtered).messages;
  assert.equal(message.body.value, 'body 2');
  const detail = await succeeds(store, 'queue', 'browse', 'orders', '--id', String(message.id));
  assert.match(detail, /^number +2$/m);
  assert.match(detail, /^body 2$/m);

  const moved = await succeeds(store, 'queue', 'move', 'orders', '--to', 'later', '--limit', '2');
  assert.equal(moved, '2 messages moved from orders to later.\n');
  await succeeds(store, 'queue', 'pause', 'orders');
  assert.match(await succeeds(store, 'queue', 'list'), /^orders .* paused$/m);
  const inbox = await Inbox.open(client, '/queue/orders', 'client-individual');
  await succeeds(store, 'queue', 'resume', 'orders');
  await inbox.atLeast(4);
  const purged = await succeeds(store, 'queue', 'purge', 'later', '--yes', '--json');
  assert.deepEqual(JSON.parse(purged), {
    ...{ done: 2, skipped: 0, reason: null, copies: [], isStuck: false },
  });
  assert.equal(await succeeds(store, 'queue', 'delete', 'later', '--yes'), 'later is gone.\n');
});

test('dead letters, copies and expiry on the command line; a move is undone by what it told', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_MAX_DELIVERIES: '1' });
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/orders', 1);
  const inbox = await Inbox.open(client, '/queue/orders', 'client-individual');
  await inbox.atLeast(1);
  for (const message of inbox.messages) client.reject(message);
  await eventually('it is a dead letter', async () => {
    const { code } = await holdfast(store, 'queue', 'stat', 'DLQ.orders');
    return code === 0;
  });
  await succeeds(store, 'queue', 'pause', 'orders');
  assert.match(await succeeds(store, 'queue', 'retry', 'DLQ.orders'), /^1 message sent back/);
  assert.match(await succeeds(store, 'queue', 'list'), /^orders +1 +1 .*paused$/m);

  const told = await succeeds(store, 'queue', 'move', 'orders', '--to', 'later', '--json');
  const { copies } = JSON.parse(told);
  assert.deepEqual([copies.length, copies[0].queue], [1, 'later']);
  const back = ['queue', 'move', 'later', '--to', 'orders', '--id', String(copies[0].to)];
  assert.equal(await succeeds(store, ...back), '1 message moved from later to orders.\n');

  await succeeds(store, 'queue', 'copy', 'orders', '--to', 'later');
  assert.match(await succeeds(store, 'queue', 'stat', 'later'), /^Messages +1$/m);
  await succeeds(store, 'queue', 'expire', 'later', '--yes');
  const expired = await succeeds(store, 'queue', 'stat', 'later');
  for (const line of [/^Messages +0$/m, /^Expired +1$/m]) assert.match(expired, line);
  await succeeds(store, 'queue', 'create', 'made');
  assert.match(await succeeds(store, 'queue', 'list'), /^made +0 /m);
});

test('who is asked before messages are destroyed may say no', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/q', 3);
  const purge = ['queue', 'purge', 'q', '--store', store.layout.root];
  const no = await atTerminal(purge, { question: '[y/N]', answer: 'n' });
  assert.match(no.shown, /Remove the 3 messages of the queue q for good\?/);
  assert.match(no.shown, /Nothing was done\./);
  assert.equal(no.code, 2);
  assert.match(await succeeds(store, 'queue', 'stat', 'q'), /^Messages +3$/m);
  const yes = await atTerminal(purge, { question: '[y/N]', answer: 'y' });
  assert.equal(yes.code, 0, yes.shown);
  assert.match(await succeeds(store, 'queue', 'stat', 'q'), /^Messages +0$/m);
});

test('nothing is destroyed unasked, and wrong words end with 2, 3 or 4', async (t) => {
  const store = await TestStore.make(t);
  assert.equal((await holdfast(store, 'queue', 'list')).code, 4, 'nobody is live yet');
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/q', 1);
  const cases: readonly (readonly [number, RegExp, ...string[]])[] = [
    [
      2,
      /Remove the 1 message of the queue q for good\? Nobody can be asked here/,
      'queue',
      'purge',
      'q',
    ],
    [2, /needs the name of a queue/, 'queue', 'purge'],
    [2, /takes no --filter/, 'queue', 'pause', 'q', '--filter', 'a'],
    [2, /needs --to QUEUE/, 'queue', 'move', 'q'],
    [2, /--limit must be a whole number/, 'queue', 'purge', 'q', '--yes', '--limit', '0'],
    [2, /needs the id of one/, 'connection', 'close', 'x'],
    [3, /There is no queue "missing"/, 'queue', 'stat', 'missing'],
    [3, /There is no connection 99999/, 'connection', 'close', '99999', '--yes'],
    [3, /has 0 consumers and 1 messages/, 'queue', 'delete', 'q', '--yes'],
    [3, /There is no queue "\/queue\/q"\. Write q, without a prefix/, 'queue', 'stat', '/queue/q'],
    [2, /selector is wrong/, 'queue', 'purge', 'q', '--yes', '--filter', 'a = = 1'],
    [2, /name another/, 'queue', 'move', 'q', '--to', 'q'],
    [4, /did not answer: (?!.*Whether)/, 'queue', 'list', '--node', live.addressOf('stomp')],
    [4, /that port speaks no TLS/, 'queue', 'list', '--node', `https://${live.addressOf('http')}`],
  ];
  for (const [code, sentence, ...words] of cases) {
    const outcome = await holdfast(store, ...words);
    assert.match(outcome.stderr, sentence, words.join(' '));
    assert.equal(outcome.code, code, words.join(' '));
  }
  assert.match(await succeeds(store, 'queue', 'stat', 'q'), /^Messages +1$/m);
  await live.kill();
  assert.equal((await holdfast(store, 'queue', 'list')).code, 4);
});

test('a connection is listed and closed, by way of a backup as well', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address, { clientId: 'billing' });
  atEnd(t, () => client.destroy());
  const listed = await succeeds(store, 'connection', 'list');
  const id = /^(\d+) .*\bbilling\b/m.exec(listed)?.[1];
  assert.ok(id, listed);
  const through = ['--node', backup.addressOf('http')];
  await client.send({ destination: '/queue/q', body: 'x' });
  let stat = '';
  await eventually('the backup has followed', async () => {
    const { code, stdout } = await holdfast(store, 'queue', 'stat', 'q', ...through);
    stat = stdout;
    return code === 0;
  });
  for (const line of [/^Messages +1$/m, /^Consumers +-$/m, /^Arrived +-$/m])
    assert.match(stat, line);
  assert.match(stat, /^A backup has answered/m);
  assert.match(await succeeds(store, 'queue', 'list', ...through), /^A backup has answered/m);
  const closed = await succeeds(store, 'connection', 'close', id, '--yes', ...through);
  assert.equal(closed, `Connection ${id} is closed.\n`);
  await eventually('it is gone', async () => {
    const { connections } = JSON.parse(await succeeds(store, 'connection', 'list', '--json'));
    return connections.length === 0;
  });
});

test('an order for more than one portion does all of it', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const sent: Promise<void>[] = [];
  for (let number = 0; number < 25_000; number += 1) {
    sent.push(client.send({ destination: '/queue/many', body: String(number) }));
  }
  await Promise.all(sent);
  assert.equal(
    await succeeds(store, 'queue', 'move', 'many', '--to', 'others'),
    '25000 messages moved from many to others.\n',
  );
  assert.match(await succeeds(store, 'queue', 'list'), /^others +25000 /m);
  assert.match(
    await succeeds(store, 'queue', 'purge', 'others', '--yes'),
    /^25000 messages removed from others\.$/m,
  );
});

test('an order into a queue that becomes full ends there, and says so', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_QUEUE_MAX_MESSAGES: '3' });
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, '/queue/from', 3);
  await send(client, '/queue/to', 2);
  const moved = await holdfast(store, 'queue', 'move', 'from', '--to', 'to');
  assert.equal(moved.code, 3, moved.stderr);
  assert.match(
    moved.stdout,
    /^1 message moved from from to to\. The rest has no room\. Queue "to" is full: 3 messages or /,
  );
  const listed = await succeeds(store, 'queue', 'list');
  assert.match(listed, /^from +2 /m);
  assert.match(listed, /^to +3 /m);
});
