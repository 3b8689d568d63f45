/** A live node that dies at any step of appending, and what the next one finds (P1, P5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCheckpoint } from '../../../src/journal/checkpoint.js';
import type { Epoch } from '../../../src/journal/format.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import { FaultyFileSystem } from './faulty-file-system.js';
import { append, JournalRig, longText, SEGMENT_BYTES } from './journal-rig.js';

const SENT = [
  'one',
  longText('two', 3000),
  longText('three', SEGMENT_BYTES - 2048),
  longText('four', 2 * SEGMENT_BYTES),
  'five',
  longText('six', SEGMENT_BYTES / 2),
];

/** Takes over, then sends everything with rolls, spares and a checkpoint, until it is done or dies. */
async function serve(rig: JournalRig, faulty: FaultyFileSystem): Promise<string[]> {
  const confirmed: string[] = [];
  try {
    const { writer } = await rig.takeOver({ fileSystem: faulty.fileSystem });
    for (const [index, text] of SENT.entries()) {
      if (index === 1 || index === 4) await writer.prepareNext();
      await append(writer, text);
      confirmed.push(text);
      if (index !== 2) continue;
      const payload = new TextEncoder().encode(JSON.stringify(confirmed));
      const directory = rig.directory(faulty.fileSystem);
      await writeCheckpoint(directory, nodeClock, 1 as Epoch, writer.cursor, [payload]);
    }
  } catch (error) {
    assert.ok(faulty.hasFailed, String(error));
  }
  await faulty.closeAll();
  return confirmed;
}

for (const writtenPart of [0, 0.3, 0.7, 1]) {
  test(`a node that dies at any change, ${writtenPart} of it done, loses nothing confirmed`, async () => {
    for (let atChange = 1; ; atChange += 1) {
      const rig = await JournalRig.make();
      const faulty = new FaultyFileSystem(nodeFileSystem, { atChange, writtenPart });
      const confirmed = await serve(rig, faulty);
      const { writer, restored, texts } = await rig.takeOver();
      const found = [...(restored.length > 0 ? JSON.parse(restored[0] as string) : []), ...texts];
      await writer.close();
      await rig.remove();
      assert.deepEqual(found.slice(0, confirmed.length), confirmed, `at ${atChange}`);
      assert.ok(found.length <= confirmed.length + 1, `invented at ${atChange}`);
      assert.deepEqual(found, SENT.slice(0, found.length));
      if (!faulty.hasFailed) return;
    }
  });
}
