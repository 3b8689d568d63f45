import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EXIT, EXIT_CODE_OF_ERROR, endsPair } from '../../../src/cli/exit-codes.js';
import { ERROR_CODES } from '../../../src/platform/errors.js';

const page = readFileSync('docs/cli.md', 'utf8');

test('every error code has exactly one exit code, and docs/cli.md says which', () => {
  assert.deepEqual(Object.keys(EXIT_CODE_OF_ERROR).sort(), Object.keys(ERROR_CODES).sort());
  const rows = Object.entries(EXIT_CODE_OF_ERROR).map(
    ([error, code]) => `| \`${error}\` | ${code} |`,
  );
  assert.ok(page.includes(rows.join('\n')), `docs/cli.md needs:\n${rows.join('\n')}`);
});

test('docs/cli.md explains every exit code', () => {
  for (const code of Object.values(EXIT)) {
    assert.match(page, new RegExp(`^\\| ${code} \\| .{20,}`, 'm'));
  }
});

test('no error ends with success, and exit codes do not collide', () => {
  assert.ok(!Object.values(EXIT_CODE_OF_ERROR).includes(EXIT.ok));
  assert.equal(new Set(Object.values(EXIT)).size, Object.values(EXIT).length);
});

test('a pair ends with a node that was refused or found damage, and starts every other one again', () => {
  const ending = Object.values(EXIT).filter((code) => endsPair(code));
  assert.deepEqual(ending, [EXIT.usage, EXIT.refused, EXIT.damaged]);
  assert.equal(endsPair(null), false);
});
