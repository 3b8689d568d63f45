/**
 * Makes a golden store: `node dist/test/golden/make-store.js DIRECTORY`, where DIRECTORY does not
 * exist yet. It was run once for test/golden/store-v1/, which is never made again: when a change
 * makes its test fail, the change breaks stores that people have. A new format version gets a new
 * scenario and a directory of its own.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replayFromCheckpoint } from '../support/replayed-broker.js';
import { JournalRig } from '../unit/journal/journal-rig.js';
import { describeState } from './describe-state.js';
import { writeGoldenJournal } from './golden-scenario.js';

const target = process.argv[2];
if (target === undefined) {
  process.stderr.write('Usage: make-store.js DIRECTORY\n');
  process.exit(2);
}
const journal = join(target, 'journal');
await mkdir(target);
await mkdir(journal);
await writeGoldenJournal(journal);
const directory = JournalRig.at(journal).directory();
const state = await describeState(directory, await replayFromCheckpoint(directory));
await writeFile(join(target, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
