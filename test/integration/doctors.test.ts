/** `holdfast doctor --peer` as people run it: two processes, beside a pair that serves. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { CheckedLoad } from '../support/checked-load.js';
import { DoctorProcess } from '../support/doctor-process.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { TestStore } from '../support/test-store.js';

const PEER = ['--peer', '--json', '--wait', '60'];

test('two doctors examine the store of a pair that serves, and disturb nothing', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const findServer = async () => ({ address: live.address, node: live.name });
  const load = await CheckedLoad.start(t, { findServer });
  await load.confirmsMore(50);
  const { root } = store.layout;
  const namesBefore = await readdir(root);
  const doctors = [new DoctorProcess(t, root, PEER), new DoctorProcess(t, root, PEER)] as const;
  const ends = await Promise.all(doctors.map((doctor) => doctor.end()));
  for (const [index, { code, stdout, stderr }] of ends.entries()) {
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    assert.notEqual(report.verdict, 'refuse');
    assert.deepEqual(
      report.peer.trials.filter((trial: { outcome: string }) => trial.outcome === 'failed'),
      [],
    );
    assert.equal(report.peer.isSameHost, true);
    assert.equal(report.peer.failure, null);
    assert.equal(report.peer.pid, doctors[1 - index]?.pid);
    const shown = report.fences.map((fence: { shown: string }) => fence.shown);
    assert.deepEqual(shown, ['no', 'on-one-host', 'on-one-host', 'on-one-host']);
  }
  await load.confirmsMore(50);
  assert.deepEqual([live.role, backup.role], ['live', 'backup']);
  assert.deepEqual(await readdir(root), namesBefore);
});

test('a doctor whose peer is killed in the middle tells what was seen until then', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const killed = new DoctorProcess(t, directory, PEER);
  const left = new DoctorProcess(t, directory, PEER);
  await killed.tells('trying: exclusive create');
  await killed.kill();
  const { code, stdout, stderr } = await left.end();
  assert.equal(code, 4);
  const gone = `The other doctor \\(host \\S+, process ${killed.pid}\\) has given no sign of life for 10 s`;
  assert.match(stderr, new RegExp(`^holdfast: ${gone}`, 'm'));
  const { peer, findings } = JSON.parse(stdout);
  assert.equal(peer.failure.code, 'PEER_GONE');
  assert.match(peer.failure.message, new RegExp(gone));
  const names = peer.trials.map((trial: { name: string }) => trial.name);
  assert.deepEqual(names.slice(0, 3), ['clock skew', 'lock excludes', 'kill-release']);
  assert.match(findings.at(-1).what, /^the trials of two doctors ended before all were made/);
  // What it left itself is gone; the next doctor of this host clears up after the killed one.
  assert.equal((await readdir(directory)).length, 1);
  const next = await new DoctorProcess(t, directory, []).end();
  assert.equal(next.code, 0, next.stderr);
  assert.deepEqual(await readdir(directory), []);
});

test('a doctor to whom nobody comes ends by itself', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const { code, stdout, stderr } = await new DoctorProcess(t, directory, [
    '--peer',
    '--wait',
    '1',
  ]).end();
  assert.equal(code, 4);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^holdfast: No other doctor came to \S+ within 1 s: while this one waits, run `holdfast doctor DIR --peer` on the other host/m,
  );
  assert.deepEqual(await readdir(directory), []);
});
