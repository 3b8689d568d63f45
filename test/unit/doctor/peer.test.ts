import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { eventually } from '../../support/eventually.js';
import { temporaryDirectoryOf } from '../../support/temporary-directory.js';
import { examineOn, examineTogether, named, namesOfFailed, type Spoil } from './two-doctors.js';

const LOCKS = ['lock excludes', 'kill-release'];

test('two doctors find each other, agree on what they saw, and leave nothing behind', async (t) => {
  const root = await temporaryDirectoryOf(t);
  await writeFile(join(root, 'lock'), 'of a store');
  const [a, b] = await examineTogether(root, {});
  assert.equal(a.failure, null);
  assert.equal(b.failure, null);
  assert.deepEqual([a.host, b.host], ['b', 'a']);
  assert.equal(a.isSameHost, false);
  const summary = a.trials.map(({ name, outcome }) => `${outcome} ${name}`);
  assert.deepEqual(summary, [
    'passed clock skew',
    'passed lock excludes',
    'passed kill-release',
    'passed exclusive create',
    'passed replaced file',
    'passed rewrite in place seen',
    'passed new name in a listing seen',
    'passed rename over a name seen',
    'passed name looked for too early seen',
    'passed synchronous writes',
    'not-shown lease',
    'not-shown late write refused',
  ]);
  // Each measures the clocks by itself; all else is one result.
  assert.deepEqual(a.trials.slice(1), b.trials.slice(1));
  assert.match(named(a, 'lease').detail, /one of them with --lease cut/);
  assert.deepEqual(await nodeFileSystem.list(root), ['lock']);
  assert.equal(await readFile(join(root, 'lock'), 'utf8'), 'of a store');
});

test('clocks of one machine are found to agree, within what is said to be uncertain', async (t) => {
  const [a] = await examineTogether(await temporaryDirectoryOf(t), { trials: [] });
  const [aheadMs, uncertaintyMs] = named(a, 'clock skew').figures.map(({ value }) => value);
  assert.ok(aheadMs !== undefined && uncertaintyMs !== undefined);
  assert.ok(Math.abs(aheadMs) <= uncertaintyMs + 1, `${aheadMs} ms, give or take ${uncertaintyMs}`);
});

test('a lock that each host gives by itself is caught', async (t) => {
  const spoil: Spoil = (handle) => {
    handle.tryLockExclusive = async () => true;
  };
  const [a, b] = await examineTogether(await temporaryDirectoryOf(t), { trials: LOCKS, spoil });
  assert.deepEqual(namesOfFailed(a), ['lock excludes', 'kill-release']);
  assert.deepEqual(namesOfFailed(b), ['lock excludes', 'kill-release']);
  assert.match(named(a, 'lock excludes').detail, /both doctors were given the same lock/);
  assert.equal(named(a, 'lock excludes').findings[0]?.severity, 'refuse');
});

test('a late write that reaches the file of a successor is caught', async (t) => {
  const spoil: Spoil = (handle, fileSystem) => {
    const name = basename(handle.path);
    if (!name.startsWith('segment-')) return;
    handle.write = async (bytes, position) => {
      const successor = name.replace('segment', 'successor');
      const path = position === 0 ? handle.path : join(dirname(handle.path), successor);
      const other = await fileSystem.open(path, 'update');
      await other.write(bytes, position);
      await other.close();
    };
  };
  const trials = ['replaced file'];
  const [a, b] = await examineTogether(await temporaryDirectoryOf(t), { trials }, { spoil });
  assert.deepEqual(namesOfFailed(a), ['replaced file']);
  assert.deepEqual(namesOfFailed(b), ['replaced file']);
  assert.match(named(a, 'replaced file').detail, /^on b: a late write reached the file/);
});

test('a rewrite that another host sees too late is caught', async (t) => {
  const STALE_MS = 4_000;
  let staleUntilMs: number | null = null;
  const spoil: Spoil = (handle) => {
    if (basename(handle.path) !== 'in-place') return;
    const read = handle.read.bind(handle);
    handle.read = async (into, position) => {
      staleUntilMs ??= performance.now() + STALE_MS;
      if (performance.now() > staleUntilMs) return read(into, position);
      into.fill(1);
      return 1;
    };
  };
  const [a, b] = await examineTogether(
    await temporaryDirectoryOf(t),
    { trials: ['caches'] },
    {},
    { spoil },
  );
  assert.deepEqual(namesOfFailed(a), ['rewrite in place seen']);
  const lateMs = named(b, 'rewrite in place seen').figures.map(({ value }) => value);
  assert.ok((lateMs[1] ?? 0) > 2_000, `late by ${lateMs} ms`);
  assert.ok((lateMs[0] ?? Number.NaN) < 2_000, `late by ${lateMs} ms`);
});

test('what one of them cannot do is told by both, and the other trials go on', async (t) => {
  const spoil: Spoil = (handle) => {
    if (!handle.path.includes('kill-')) return;
    handle.tryLockExclusive = () => Promise.reject(new Error('ENOLCK: no locks available'));
  };
  const [a, b] = await examineTogether(await temporaryDirectoryOf(t), { trials: LOCKS }, { spoil });
  assert.deepEqual(namesOfFailed(a), ['kill-release']);
  assert.equal(named(b, 'lock excludes').outcome, 'passed');
  assert.equal(named(b, 'kill-release').detail, 'on a: ENOLCK: no locks available');
});

test('two doctors of one host say so', async (t) => {
  const root = await temporaryDirectoryOf(t);
  const both = { trials: ['lease'] };
  const [a] = await examineTogether(root, both, { bootId: 'boot/1' }, { bootId: 'boot/2' });
  assert.equal(a.isSameHost, true);
  assert.match(named(a, 'late write refused').detail, /both doctors are on one host/);
});

test('a doctor that stays alone says what to run on the other host', async (t) => {
  const root = await temporaryDirectoryOf(t);
  await assert.rejects(examineOn(root, { name: 'a', request: { waitMs: 500 } }), {
    code: 'PEER_MISSING',
    message:
      `No other doctor came to ${root} within 0.5 s: while this one waits, run ` +
      '`holdfast doctor DIR --peer` on the other host, with DIR the same directory as mounted there.',
  });
  assert.deepEqual(await nodeFileSystem.list(root), []);
});

test('doctors of two versions refuse each other', async (t) => {
  const root = await temporaryDirectoryOf(t);
  const attempts = await Promise.allSettled([
    examineOn(root, { name: 'a' }),
    examineOn(root, { name: 'b', request: { version: '2.0.0' } }),
  ]);
  const codes = attempts.map((attempt) => attempt.status === 'rejected' && attempt.reason.code);
  assert.deepEqual(codes, ['PEER_REFUSED', 'PEER_REFUSED']);
  const [{ reason }] = attempts as [PromiseRejectedResult, PromiseRejectedResult];
  assert.match(
    reason.message,
    /^The doctor on host b is of version 2\.0\.0 and this one of version 1\.0\.0/,
  );
  assert.deepEqual(await nodeFileSystem.list(root), []);
});

test('a doctor that may not read the other one says how to mend it', async (t) => {
  const spoil: Spoil = (handle) => {
    if (!/\.doctor-b-[^/]+\/peer$/.test(handle.path)) return;
    throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
  };
  const root = await temporaryDirectoryOf(t);
  const [a, b] = await Promise.allSettled([
    examineOn(root, { name: 'a', spoil }),
    examineOn(root, { name: 'b', request: { waitMs: 5_000 } }),
  ]);
  assert.ok(a.status === 'rejected' && b.status === 'rejected');
  assert.equal(a.reason.code, 'PEER_REFUSED');
  assert.match(a.reason.message, /: run both as the same user, with the same number on both hosts/);
  assert.match(b.reason.code, /^PEER_(GONE|MISSING)$/);
});

test('only one host can be the one that is cut off', async (t) => {
  const root = await temporaryDirectoryOf(t);
  const request = { toBeCut: 'cut' } as const;
  await assert.rejects(examineTogether(root, { request }), {
    code: 'PEER_REFUSED',
    message: /--lease was given here and on host [ab]: give it only on the host to be cut off/,
  });
});

test('a third doctor is refused, and the other two go on', async (t) => {
  const root = await temporaryDirectoryOf(t);
  let hasBegun = false;
  const tell = (sentence: string) => {
    hasBegun ||= sentence.startsWith('trying');
  };
  const two = examineTogether(root, { trials: ['lock excludes'] }, { request: { tell } });
  await eventually('the trials of the two have begun', () => hasBegun);
  await assert.rejects(examineOn(root, { name: 'c' }), {
    code: 'PEER_REFUSED',
    message:
      /^More than two doctors are at work in this directory \(process \d+ on host [ab] and process/,
  });
  const [a, b] = await two;
  assert.deepEqual([...namesOfFailed(a), ...namesOfFailed(b)], []);
});
