import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpenToOthers } from '../../../src/platform/node/private-file.js';

/** Mode, owner, who reads it, and whether more than the owner may use it. */
const CASES: readonly (readonly [number, number, number, boolean])[] = [
  [0o100600, 861, 861, false],
  [0o100400, 861, 861, false],
  [0o100640, 861, 861, true],
  [0o100604, 861, 861, true],
  [0o100440, 0, 861, false],
  [0o100640, 0, 861, false],
  [0o100660, 0, 861, true],
  [0o100444, 0, 861, true],
  [0o100644, 0, 861, true],
  [0o100440, 0, 0, true],
  [0o100600, 0, 0, false],
  [0o100440, 862, 861, true],
];

for (const [mode, uid, ownUid, isOpen] of CASES) {
  test(`mode ${mode.toString(8)} of user ${uid}, read by ${ownUid}: open is ${isOpen}`, () => {
    assert.equal(isOpenToOthers({ mode, uid }, ownUid), isOpen);
  });
}
