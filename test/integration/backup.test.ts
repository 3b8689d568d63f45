/** P4: a backup changes nothing in the journal, however it comes and goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashJournal, hashSettledJournal } from '../support/journal-bytes.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

test('P4: a backup that starts, stops and is killed leaves every byte of the journal', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  for (let number = 1; number <= 50; number += 1) {
    await client.send({ destination: '/queue/kept', body: `message ${number}`.padEnd(1000) });
  }
  await client.disconnect();
  const before = await hashSettledJournal(store.layout.journalDirectory);

  const stopped = await store.startBackup('b');
  assert.deepEqual(await stopped.terminate(), { code: 0, signal: null });
  const killed = await store.startBackup('b');
  await killed.kill();
  for (const startedForMs of [0, 100, 200, 400]) {
    const node = store.start('b');
    await new Promise((resolve) => setTimeout(resolve, startedForMs));
    await node.kill();
  }

  assert.deepEqual(await hashJournal(store.layout.journalDirectory), before);
  assert.equal(live.role, 'live');
});
