import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForeignName } from '../../../src/admin/audit.js';

test('names of somebody else are foreign, those of this machine and plain addresses are not', () => {
  for (const host of [
    ...[
      'localhost:8161',
      'LOCALHOST',
      '127.0.0.1:8161',
      '127.1.2.3',
      '[::1]:8161',
      '10.0.0.5:8161',
    ],
    ...['[fe80::1]:8161', 'Broker-1:8161', '', undefined],
  ]) {
    assert.equal(isForeignName(host, ['broker-1']), false, host);
  }
  for (const host of [
    'evil.example:8161',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    assert.equal(isForeignName(host, ['broker-1']), true, host);
  }
});
