/** What compaction did to a journal, read from the journal itself. */
import { dumpStoreJournal } from '../../src/node/journal-tools.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import type { StoreLayout } from '../../src/store/layout.js';

/**
 * Messages that lie in the journal twice, as they came and as compaction appended them again: their
 * old segment was not deleted yet, so a node that ends now ends in the middle of it. For each the
 * number of the block that has it anew.
 */
export async function unfinishedRelocations(layout: StoreLayout): Promise<number[]> {
  let segment = '';
  let block = 0;
  const segmentOf = new Map<string, string>();
  const unfinished: number[] = [];
  await dumpStoreJournal(nodeFileSystem, layout, (line) => {
    segment = /^segment (\d+) /.exec(line)?.[1] ?? segment;
    block = Number(/^ +block (\d+) /.exec(line)?.[1] ?? block);
    const record = /^ +\d+: (message|relocated) (\d+) in queue/.exec(line);
    const [, kind, entryId] = record ?? [];
    if (kind === undefined || entryId === undefined) return;
    const before = segmentOf.get(entryId);
    if (kind === 'relocated' && before !== undefined && before !== segment) unfinished.push(block);
    segmentOf.set(entryId, segment);
  });
  return unfinished;
}
