import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asHoldfastError, asStorageFailure } from '../../../src/node/failures.js';
import { HoldfastError } from '../../../src/platform/errors.js';
import { systemError } from '../../support/intercepted-file-system.js';

test('what has a code keeps it, on both threads', () => {
  const known = new HoldfastError('OWNERSHIP_LOST', 'Another node is live.');
  assert.equal(asHoldfastError(known), known);
  assert.equal(asStorageFailure(known), known);
});

test('a system call that fails is one of the store only where the store is', () => {
  const error = systemError('EIO', 'the server gave up');
  const failure = asStorageFailure(error);
  assert.equal(failure.code, 'JOURNAL_IO_FAILED');
  assert.match(failure.message, /EIO.*What was confirmed is safe/);
  assert.equal(failure.cause, error);
  assert.equal(asHoldfastError(error).code, 'UNEXPECTED');
});

test('a defect is told with its stack', () => {
  const defect = new TypeError('x is not a function');
  for (const failure of [asHoldfastError(defect), asStorageFailure(defect)]) {
    assert.equal(failure.code, 'UNEXPECTED');
    assert.match(failure.message, /x is not a function\n +at /);
    assert.equal(failure.cause, defect);
  }
  assert.match(asStorageFailure('a text').message, /ended this node: a text$/);
});
