/** Files with secrets, in a real directory. */
import assert from 'node:assert/strict';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  changePrivateFile,
  isOpenToOthers,
  readPrivateFile,
} from '../../../../src/platform/node/private-file.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../support/temporary-directory.js';

const NOBODY = 65_534;

/** Mode, owner, and whether more than the owner, or the group that root gave it to, may use it. */
const MODES: readonly (readonly [number, number, boolean])[] = [
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

describe('A private file', () => {
  let directory: TemporaryDirectory;
  let path: string;

  beforeEach(async () => {
    directory = await makeTemporaryDirectory();
    path = join(directory.path, 'users.yaml');
  });
  afterEach(() => directory.remove());

  async function make(text: string): Promise<void> {
    await writeFile(path, text, { mode: 0o600 });
  }

  it('is made for its owner alone, and changed as a whole', async () => {
    assert.equal(await readPrivateFile(path), null);
    await changePrivateFile(path, async (text) => `${text}, then one`);
    await changePrivateFile(path, async (text) => `${text}, then two`);
    assert.equal(await readPrivateFile(path), 'null, then one, then two');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory.path), ['users.yaml']);
  });

  for (const [mode, uid, isOpen] of MODES) {
    it(`of mode ${mode.toString(8)} and user ${uid} is ${isOpen ? 'open to others' : 'closed'}`, () => {
      assert.equal(isOpenToOthers({ mode, uid }), isOpen);
    });
  }

  it('is no directory', async () => {
    const refusal = { code: 'CONFIG_INVALID', message: /is no file; name the file itself/ };
    await assert.rejects(readPrivateFile(directory.path), refusal);
  });

  it('that others may use is refused with the command that mends it', async () => {
    await make('secret');
    await chmod(path, 0o644);
    const refusal = { code: 'CONFIG_INVALID', message: /0644.*chmod 600 .*users\.yaml/ };
    await assert.rejects(readPrivateFile(path), refusal);
    await assert.rejects(
      changePrivateFile(path, async () => 'other'),
      refusal,
    );
    assert.equal(await readFile(path, 'utf8'), 'secret');
  });

  it('is as it was when its change fails, and can be changed again', async () => {
    await make('before');
    const failing = changePrivateFile(path, () => Promise.reject(new Error('no such role')));
    await assert.rejects(failing, /no such role/);
    await changePrivateFile(path, async () => 'after');
    assert.equal(await readPrivateFile(path), 'after');
  });

  it('is changed by one at a time, and an interrupted change is named', async () => {
    await make('before');
    await writeFile(`${path}.new`, 'half of i');
    await assert.rejects(
      changePrivateFile(path, async () => 'after', 0),
      {
        code: 'CONFIG_INVALID',
        message: /users\.yaml\.new is there: .* interrupted/,
      },
    );
    assert.equal(await readPrivateFile(path), 'before');
    assert.equal(await readFile(`${path}.new`, 'utf8'), 'half of i', 'it is not ours to remove');
  });

  it('loses no change of many at one moment', async () => {
    await make('');
    const names = Array.from({ length: 20 }, (_, index) => `user ${index}`);
    const add = (name: string) => changePrivateFile(path, async (text) => `${text}${name}\n`);
    await Promise.all(names.map(add));
    const lines = (await readPrivateFile(path))?.trim().split('\n') ?? [];
    assert.deepEqual(lines.toSorted(), names.toSorted());
    assert.deepEqual(await readdir(directory.path), ['users.yaml']);
  });

  it('is changed where a symbolic link points', async () => {
    const elsewhere = join(directory.path, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'real.yaml'), 'before', { mode: 0o600 });
    await symlink(join(elsewhere, 'real.yaml'), path);
    await changePrivateFile(path, async () => 'after');
    assert.ok((await lstat(path)).isSymbolicLink());
    assert.equal(await readFile(join(elsewhere, 'real.yaml'), 'utf8'), 'after');
  });

  const skip = process.getuid?.() === 0 ? false : 'only root changes files of others';
  it('stays that of its owner when root changes it', { skip }, async () => {
    await make('before');
    await chown(path, NOBODY, NOBODY);
    await changePrivateFile(path, async () => 'after');
    const { uid, gid, mode } = await stat(path);
    assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o600]);
  });
  it('of root that a group may read stays so when root changes it', { skip }, async () => {
    await make('before');
    await chown(path, 0, NOBODY);
    await chmod(path, 0o640);
    await changePrivateFile(path, async (text) => `${text} and after`);
    const { uid, gid, mode } = await stat(path);
    assert.deepEqual([uid, gid, mode & 0o777], [0, NOBODY, 0o640]);
    assert.equal(await readPrivateFile(path), 'before and after');
  });
});
