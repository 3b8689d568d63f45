/** `holdfast journal verify|dump`: reads the whole journal beside running nodes, changing nothing. */

import { dumpJournal, verifyJournal } from '../../journal/verify.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import { storeLayout } from '../../store/layout.js';
import { defineCommand, requireStore, STORE_OPTION } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Screen } from '../screen.js';
import { bytesText, progressLine } from '../text.js';

export const command = defineCommand({
  options: { store: STORE_OPTION },
  positionals: {
    action: {
      choices: ['verify', 'dump'],
      demandOption: true,
      description: 'Check every block, or print one line per block',
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
      await dumpJournal(nodeFileSystem, layout, (line: string) => {
        process.stdout.write(`${line}\n`);
      });
      return EXIT.ok;
    }
    const progress = progressBar();
    const report = await verifyJournal(nodeFileSystem, layout, progress.show);
    progress.clear();
    const { segmentCount, blockCount, recordCount, totalBytes, lastSequence, end } = report;
    process.stdout.write(
      `The journal is good: ${segmentCount} segments, ${blockCount} blocks with ${recordCount} records in ${bytesText(totalBytes)}, up to block ${lastSequence}; it has a ${end}.\n`,
    );
    return EXIT.ok;
  },
});

interface ProgressBar {
  show(doneBytes: number, totalBytes: number): void;
  clear(): void;
}

/** On standard error, and only on a terminal. */
function progressBar(): ProgressBar {
  if (!process.stderr.isTTY) {
    return { show: () => undefined, clear: () => undefined };
  }
  const screen = new Screen(process.stderr);
  return {
    show: (doneBytes, totalBytes) => screen.show([progressLine(doneBytes, totalBytes)], []),
    clear: () => screen.show([], []),
  };
}
