/** `holdfast top` as a process, beside a pair that is taken over. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../support/at-end.js';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually } from '../support/eventually.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

class Top {
  pages: string[] = [];
  #text = '';

  constructor(t: TestContext, words: readonly string[]) {
    const child = spawn(process.execPath, [PROGRAM, 'top', '--interval', '0.2', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    atEnd(t, () => child.kill('SIGKILL'));
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      const parts = (this.#text + part).split(/\n\n(?=\S)/);
      this.#text = parts.pop() ?? '';
      this.pages.push(...parts);
    });
  }

  async shows(what: RegExp): Promise<void> {
    await eventually(`top shows ${what}`, () => this.pages.some((page) => what.test(page)));
  }
}

test('top shows who is live, queues and rates, and goes on with the new live node', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/waiting', body: 'a message' });
  const top = new Top(t, ['--store', store.layout.root, '--sort', 'name']);
  await top.shows(/^a is live for [^\n]*, epoch 1\nb could take over now\n/);
  await top.shows(/^waiting +1 +0 +0 +\d+ B/m);
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await top.shows(/^in [1-9]\S*\/s {3}out [1-9]\S*\/s/m);
  await live.kill();
  await backup.untilRole('live');
  await top.shows(/^b is live for [^\n]*, epoch 2\na does not run\n/);
  await load.confirmsMore(100);
  await load.finish();
});

test('top of a backup says so, and what it has followed', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/waiting', body: 'a message' });
  const top = new Top(t, ['--node', backup.addressOf('http')]);
  await top.shows(/^b is backup, a is live\n/);
  await top.shows(/^waiting +1 /m);
  assert.equal(backup.role, 'backup');
});
