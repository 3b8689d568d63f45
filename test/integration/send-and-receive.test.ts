/** `holdfast send` and `receive` as people use them, against a real node. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../support/at-end.js';
import { within } from '../support/eventually.js';
import { TestStore } from '../support/test-store.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** What it printed; fails when it fails. */
async function holdfast(flags: readonly string[], input = ''): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  child.stdin.end(input);
  const printed = await text(child.stdout);
  const [code] = await within(`holdfast ${flags.join(' ')} ends`, closed);
  assert.equal(code, 0);
  return printed;
}

test('a dash sends each line of standard input as a message', async (t) => {
  const store = await TestStore.make(t);
  const node = await store.startLive('a');
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  const sent = await holdfast(['send', '/queue/lines', '-', ...url], 'first\nsecond\nthird\n');
  assert.match(sent, /^3 messages confirmed/);
  const received = await holdfast(['receive', '/queue/lines', '--count', '3', ...url]);
  assert.deepEqual(received.trim().split('\n'), ['first', 'second', 'third']);
});

test('a text after two dashes may begin with one', async (t) => {
  const store = await TestStore.make(t);
  const node = await store.startLive('a');
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  await holdfast(['send', '/queue/q', ...url, '--', '-v']);
  assert.equal(await holdfast(['receive', ...url, '/queue/q']), '-v\n');
});

test('a message that is rejected often enough is a dead letter', async (t) => {
  const store = await TestStore.make(t);
  const node = await store.startLive('a', { HOLDFAST_LIMITS_MAX_DELIVERIES: '3' });
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  await holdfast(['send', '/queue/q', 'bad', ...url]);
  const rejecting = ['receive', '/queue/q', '--reject', '--count', '3'];
  assert.equal(await holdfast([...rejecting, ...url]), 'bad\nbad\nbad\n');
  assert.equal(await holdfast(['receive', '/queue/DLQ.q', '--timeout', '5', ...url]), 'bad\n');
});

test('an empty text is a message of its own', async (t) => {
  const store = await TestStore.make(t);
  const node = await store.startLive('a');
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  assert.match(await holdfast(['send', '/queue/q', '', ...url]), /^1 message confirmed/);
});

test('a message that could not be printed is not acknowledged, and the command says so', async (t) => {
  const store = await TestStore.make(t);
  const node = await store.startLive('a');
  const url = ['--url', `stomp://127.0.0.1:${node.address.port}`];
  await holdfast(['send', '/queue/q', 'kept', ...url]);
  const full = await open('/dev/full', 'w');
  atEnd(t, () => full.close());
  const child = spawn(process.execPath, [PROGRAM, 'receive', '/queue/q', ...url], {
    stdio: ['ignore', full.fd, 'pipe'],
  });
  const closed = once(child, 'close');
  const said = child.stderr === null ? '' : await text(child.stderr);
  const [code] = await within('receive ends', closed);
  assert.equal(code, 1);
  assert.match(said, /^holdfast: Standard output cannot be written: ENOSPC/);
  assert.equal(await holdfast(['receive', '/queue/q', ...url]), 'kept\n');
});
