import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceFor } from '../../../src/doctor/advice.js';
import { classifyFileSystem } from '../../../src/doctor/file-system-kind.js';

function advise(type: string, options: string) {
  const mountInfo = `40 27 0:50 / /srv rw - ${type} source ${options}\n`;
  return adviceFor(classifyFileSystem(mountInfo, '/srv'));
}

/** What is set to something else than is advised. */
function changes(options: string): string[] {
  return advise('nfs4', options)
    .filter(({ now }) => now !== null)
    .map(({ setting, now }) => `${now} -> ${setting}`);
}

test('a mount as advised needs no change', () => {
  assert.deepEqual(changes('rw,noatime,vers=4.2,hard,proto=tcp,local_lock=none'), []);
  assert.deepEqual(changes('rw,noatime,vers=4.1,hard,proto=rdma'), []);
});

test('what is set otherwise is named with what to set', () => {
  assert.deepEqual(changes('rw,relatime,vers=4.0,softerr,proto=udp,local_lock=all'), [
    'vers=4.0 -> vers=4.2',
    'softerr -> hard',
    'proto=udp -> proto=tcp',
    'relatime -> noatime',
    'local_lock=all -> local_lock=none',
  ]);
  assert.deepEqual(changes('rw,noatime,vers=3,soft,nolock'), [
    'vers=3 -> vers=4.2',
    'soft -> hard',
    'nolock -> local_lock=none',
  ]);
});

test('the server of NFS is advised with values, and no other file system is', () => {
  const settings = advise('nfs4', 'rw,vers=4.2')
    .filter(({ where }) => where === 'server')
    .map(({ setting }) => setting);
  assert.deepEqual(settings, ['lease-time=10', 'grace-time=10', 'vers3=n', 'sync (in the export)']);
  assert.deepEqual(advise('ext4', 'rw'), []);
  assert.deepEqual(advise('ceph', 'rw'), []);
});
