import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../../../src/platform/errors.js';
import { isProcessAlive } from '../../../src/platform/node/host-identity.js';
import { atEnd } from '../../support/at-end.js';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'holdfast-pair-'));
after(() => rmSync(directory, { recursive: true }));

/** `holdfast pair` without a terminal, read line by line. */
class RunningPair {
  readonly program: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly seen: string[] = [];

  constructor(store: string) {
    this.program = spawn(process.execPath, [PROGRAM, 'pair', '--store', join(directory, store)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(this.program.stdout !== null);
    this.#lines = createInterface({ input: this.program.stdout })[Symbol.asyncIterator]();
  }

  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      assert.ok(done !== true, `no line matched ${pattern} in:\n${this.seen.join('\n')}`);
      this.seen.push(value);
      const match = pattern.exec(value);
      if (match !== null) {
        return match;
      }
    }
  }

  async waitForInvitedPid(): Promise<number> {
    return Number((await this.waitFor(/kill -9 (\d+)/))[1]);
  }

  /**
   * One node is live and the other its backup, whichever is told first. A node on its way to being
   * live may be told as a backup too. Returns the process of the live node.
   */
  async waitForPair(live: RegExp): Promise<number> {
    const names = /(?<name>[ab]) is (?<role>live|a backup)/;
    const backups = new Set<string>();
    let liveName = '';
    let livePid = Number.NaN;
    while (liveName === '' || Number.isNaN(livePid) || [...backups].every((b) => b === liveName)) {
      const [line] = await this.waitFor(/.*(?: is live in | is a backup\.$|kill -9 ).*/);
      const { name = '', role } = names.exec(line)?.groups ?? {};
      if (role === 'a backup') backups.add(name);
      else if (live.test(line)) liveName = name;
      livePid = Number(/kill -9 (\d+)/.exec(line)?.[1] ?? livePid);
    }
    return livePid;
  }
}

async function isBound(server: Server): Promise<boolean> {
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    assert.equal(errnoOf(error), 'EADDRINUSE');
    return false;
  }
}

async function waitUntilGone(pid: number): Promise<void> {
  while (isProcessAlive(pid)) {
    await sleep(20);
  }
}

test('pair shows the takeover after kill -9, restarts the node, and Ctrl-C ends all of it', {
  timeout: 60_000,
}, async () => {
  const pair = new RunningPair('takeover');
  const killedPid = await pair.waitForPair(/ is live in epoch 1\.$/);
  process.kill(killedPid, 'SIGKILL');
  await pair.waitFor(/ was ended by SIGKILL; it starts again in 0\.20 s\.$/);
  const livePid = await pair.waitForPair(/ is live in epoch 2, \d+\.\d\d s after [ab] was gone\.$/);
  pair.program.kill('SIGINT');
  const [code] = (await once(pair.program, 'exit')) as [number | null];
  assert.equal(code, 0);
  assert.equal(isProcessAlive(livePid), false);
});

test('the nodes end when pair itself is killed', { timeout: 60_000 }, async () => {
  const pair = new RunningPair('orphans');
  const livePid = await pair.waitForInvitedPid();
  pair.program.kill('SIGKILL');
  await waitUntilGone(livePid);
});

test('a node whose port is taken when it listens serves on another one', {
  timeout: 60_000,
}, async (t) => {
  // What another program of this machine has already may be free again before the node listens.
  const taken: number[] = [];
  for (const port of [61613, 61614]) {
    const other = createServer().listen(port, '127.0.0.1');
    atEnd(t, () => other.close());
    if (await isBound(other)) taken.push(port);
  }
  const pair = new RunningPair('ports');
  await pair.waitForPair(/ is live in epoch 1\.$/);
  for (const port of taken) {
    const sentence = new RegExp(`127\\.0\\.0\\.1:${port} is taken, so [ab] serves on `);
    assert.match(pair.seen.join('\n'), sentence);
  }
  pair.program.kill('SIGTERM');
  await once(pair.program, 'exit');
});

test('a pair on a store that has one already ends with the reason', {
  timeout: 60_000,
}, async () => {
  const first = new RunningPair('twice');
  await first.waitForPair(/ is live in epoch 1\.$/);
  const second = spawn(process.execPath, [PROGRAM, 'pair', '--store', join(directory, 'twice')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  second.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(second, 'close')) as [number | null];
  assert.equal(code, 3);
  assert.match(stderr, /^holdfast: Process \d+ on host \S+ already runs as node "[ab]" on .*\n$/);
  first.program.kill('SIGTERM');
  await once(first.program, 'exit');
});
