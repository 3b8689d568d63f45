import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import { atEnd } from '../../support/at-end.js';
import { temporaryDirectoryOf } from '../../support/temporary-directory.js';

test('a call that hangs is told of, is given up, and its process can be killed', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  // Opening a named pipe that nobody writes to hangs, as does a file server that is away.
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const told: string[] = [];
  const other = await startFileSystemProcess({
    noticeMs: 50,
    limitMs: 500,
    onBlocked: (call) => told.push(call),
  });
  atEnd(t, () => other.kill());
  await assert.rejects(other.fileSystem.open(pipe, 'read'), {
    code: 'STORE_STALLED',
    message: `The file server has not answered for 0.5 s (open ${pipe}).`,
  });
  assert.ok(told.length > 0);
  assert.equal(told[0], `open ${pipe}`);
  await other.kill();
});
