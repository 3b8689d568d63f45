import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoOf, messageOf } from '../../../src/platform/errors.js';

/** As Node makes it of an error that libuv has no name for; seen on NFS. */
function unnamed(errno: number, systemCall: string): Error {
  const code = `Unknown system error ${errno}`;
  const message = `${code}: ${code}, ${systemCall}`;
  return Object.assign(new Error(message), { errno, code, syscall: systemCall });
}

test('a failed system call has its name, also where Node does not know it', () => {
  const missing = Object.assign(new Error('ENOENT: ...'), { errno: -2, code: 'ENOENT' });
  assert.equal(errnoOf(missing), 'ENOENT');
  assert.equal(errnoOf(unnamed(-116, 'fdatasync')), 'ESTALE');
  assert.equal(errnoOf(unnamed(-122, 'write')), 'EDQUOT');
  assert.equal(errnoOf(unnamed(-37, 'flock')), 'ENOLCK');
});

test('a failed system call that nobody has a name for is still one', () => {
  assert.equal(errnoOf(unnamed(-521, 'write')), 'ERRNO521');
  const unknown = Object.assign(new Error('UNKNOWN: unknown error, write'), { code: 'UNKNOWN' });
  assert.equal(errnoOf(unknown), 'UNKNOWN');
});

test('what is no failed system call has no name', () => {
  for (const other of [null, undefined, 'EIO', new Error('EIO'), { code: 5 }, { code: 'LATE' }]) {
    assert.equal(errnoOf(other), undefined);
  }
});

test('people read what an error means', () => {
  assert.equal(messageOf(unnamed(-116, 'fdatasync')), 'ESTALE: stale file handle, fdatasync');
  assert.equal(messageOf(new Error('EIO: i/o error, write')), 'EIO: i/o error, write');
  assert.equal(messageOf('what was thrown'), 'what was thrown');
});
