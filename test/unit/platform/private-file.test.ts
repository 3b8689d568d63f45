import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpenToOthers } from '../../../src/platform/node/private-file.js';

/** Mode, owner, and whether more than the owner, or the group that root gave it to, may use it. */
const CASES: readonly (readonly [number, number, boolean])[] = [
  [0o100600, 861, false],
  [0o100400, 861, false],
  [0o100640, 861, true],
  [0o100440, 861, true],
  [0o100604, 861, true],
  [0o100600, 0, false],
  [0o100440, 0, false],
  [0o100640, 0, false],
  [0o100660, 0, true],
  [0o100444, 0, true],
  [0o100644, 0, true],
];

for (const [mode, uid, isOpen] of CASES) {
  test(`mode ${mode.toString(8)} of user ${uid}: open is ${isOpen}`, () => {
    assert.equal(isOpenToOthers({ mode, uid }), isOpen);
  });
}
