import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
after(() => rmSync(directory, { recursive: true }));

interface LogEntry {
  readonly level: string;
  readonly node: string;
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

interface StartedNode {
  readonly program: ChildProcess;
  readonly log: AsyncGenerator<LogEntry>;
}

/** A node on the one store of this file, on a free port, logging JSON. */
function start(name: string): StartedNode {
  const flags = ['--store', directory, '--name', name, '--stomp', '0', '--log-format', 'json'];
  const program = spawn(process.execPath, [PROGRAM, 'start', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  assert.ok(program.stderr !== null);
  return { program, log: parseLines(createInterface({ input: program.stderr })) };
}

async function* parseLines(lines: AsyncIterable<string>): AsyncGenerator<LogEntry> {
  for await (const line of lines) {
    yield JSON.parse(line) as LogEntry;
  }
}

async function waitFor(node: StartedNode, wanted: (entry: LogEntry) => boolean): Promise<LogEntry> {
  for (;;) {
    const { value, done } = await node.log.next();
    assert.ok(done !== true, 'the node ended before it logged what was waited for');
    if (wanted(value)) {
      return value;
    }
  }
}

const isLive = ({ event, to: role }: LogEntry): boolean =>
  event === 'role-changed' && role === 'live';

test('a node logs one JSON object per event, and SIGTERM ends it with 0', {
  timeout: 60_000,
}, async () => {
  const node = start('a');
  const entry = await waitFor(node, isLive);
  assert.equal(entry.level, 'info');
  assert.equal(entry.node, 'a');
  assert.equal(typeof entry.epoch, 'number');
  const exited = once(node.program, 'exit');
  node.program.kill('SIGTERM');
  await waitFor(node, ({ event }) => event === 'node-stopped');
  assert.deepEqual(await exited, [0, null]);
});

test('a node whose name is in use ends with 3 and says who has it', {
  timeout: 60_000,
}, async () => {
  const first = start('b');
  await waitFor(first, isLive);
  const second = start('b');
  const exited = once(second.program, 'exit');
  const entry = await waitFor(second, ({ event }) => event === 'node-failed');
  assert.equal(entry.code, 'NAME_IN_USE');
  assert.match(entry.message, new RegExp(`^Process ${first.program.pid} on host `));
  assert.deepEqual(await exited, [3, null]);
  first.program.kill('SIGTERM');
  await once(first.program, 'exit');
});
