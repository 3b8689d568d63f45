import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../../scripts/lab/lab-error.js';
import { type MachineFacts, obstacles, requireMachine } from '../../../scripts/lab/machine.js';

const FIT: MachineFacts = {
  platform: 'linux',
  architecture: 'x64',
  isRoot: true,
  hasApt: true,
  namespaceFailure: null,
  tunFailure: null,
};

const UNFIT: readonly (readonly [Partial<MachineFacts>, RegExp])[] = [
  [{ platform: 'darwin' }, /runs on Linux, and this is darwin/],
  [{ architecture: 'arm64' }, /x64 only, and this is arm64/],
  [{ hasApt: false }, /no apt-get here/],
  [{ isRoot: false }, /run as root: try sudo/],
  [{ namespaceFailure: 'Operation not permitted' }, /\(Operation not permitted\).*--privileged/],
  [{ tunFailure: 'ENOENT' }, /\/dev\/net\/tun cannot be opened \(ENOENT\).*--device/],
];

test('a machine that has everything has no obstacle', () => {
  assert.deepEqual(obstacles(FIT), []);
  assert.doesNotThrow(() => requireMachine(FIT));
});

for (const [lack, sentence] of UNFIT) {
  test(`the lab is refused with ${JSON.stringify(lack)}, with a way out`, () => {
    assert.match(obstacles({ ...FIT, ...lack }).join('\n'), sentence);
    assert.throws(
      () => requireMachine({ ...FIT, ...lack }),
      (error) => error instanceof LabError && /Vagrantfile/.test(error.message),
    );
  });
}

test('all that a machine lacks is said at once', () => {
  const lacks = { hasApt: false, namespaceFailure: 'EPERM', tunFailure: 'ENOENT' };
  assert.equal(obstacles({ ...FIT, ...lacks }).length, 3);
});

test('without root, nothing is said of what only root could try', () => {
  const lacks = { isRoot: false, namespaceFailure: 'EPERM', tunFailure: 'EACCES' };
  assert.equal(obstacles({ ...FIT, ...lacks }).length, 1);
});
