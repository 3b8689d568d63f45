/** `holdfast journal verify|dump`: reads the whole journal beside running nodes, changing nothing. */

import { once } from 'node:events';
import type { VerifyReport } from '../../journal/verify.js';
import { dumpStoreJournal, verifyStoreJournal } from '../../node/journal-tools.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import { storeLayout } from '../../store/layout.js';
import { defineCommand, requireStore, STORE_OPTION } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { progressBar } from '../progress.js';
import { bytesText, progressLine } from '../text.js';

export const command = defineCommand({
  options: { store: STORE_OPTION },
  positionals: {
    action: {
      choices: ['verify', 'dump'],
      demandOption: true,
      description: 'Check every block, or print one line per block and record',
    },
  },
  examples: [
    ['journal verify --store /srv/holdfast', 'Is every block as it was written?'],
    ['journal dump --store /srv/holdfast | less', 'What is in it'],
  ],
  epilogue:
    'verify ends with 0 when the journal is good, with 6 when it is damaged, with 5 when it could not be read.',
  async run({ store: given, action }) {
    const layout = storeLayout(requireStore(given));
    if (action === 'dump') {
      const isGood = await dumpStoreJournal(nodeFileSystem, layout, printLine);
      return isGood ? EXIT.ok : EXIT.damaged;
    }
    const progress = progressBar(progressLine);
    const report = await verifyStoreJournal(nodeFileSystem, layout, progress.show);
    progress.clear();
    for (const line of reportLines(report)) await printLine(line);
    return report.problems.length === 0 ? EXIT.ok : EXIT.damaged;
  },
});

/** Waits for whoever reads slowly: a dump is longer than the memory. */
async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

const END_SENTENCE = {
  'clean-end': 'It has a clean end.',
  'unfinished-block':
    'Its last block is unfinished: it is being written now, or its node died while it wrote it.',
} as const;

function reportLines(report: VerifyReport): string[] {
  const { segments, blocks, records, bytes, firstSequence, lastSequence } = report;
  const { epochs, checkpoint, end, problems } = report;
  const counts = `${segments} segments, ${blocks} blocks with ${records} records in ${bytesText(bytes)}`;
  const range = blocks === 0 ? '' : `, from block ${firstSequence} to ${lastSequence}`;
  const tenures = epochs.length === 0 ? '' : `, of the epochs ${epochs[0]} to ${epochs.at(-1)}`;
  const covered =
    checkpoint === null
      ? 'There is no checkpoint.'
      : `The checkpoint covers it up to block ${checkpoint.header.covers.sequence}.`;
  if (problems.length > 0) {
    return [
      ...problems.map((problem) => `damaged: ${problem}`),
      `The journal is damaged. What can be read: ${counts}${range}${tenures}. ` +
        'Keep all files as they are, and restore the store from a copy.',
    ];
  }
  return [`The journal is good: ${counts}${range}${tenures}.`, `${covered} ${END_SENTENCE[end]}`];
}
