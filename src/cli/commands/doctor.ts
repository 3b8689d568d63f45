/** `holdfast doctor`: whether a directory can keep two nodes apart, tried out with real processes. */

import { examineDirectory } from '../../doctor/doctor.js';
import type { Verdict } from '../../doctor/finding.js';
import { reportLines } from '../../doctor/report.js';
import { nodeClock } from '../../platform/node/clock.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import { startFileSystemProcess } from '../../platform/node/file-system-process.js';
import { isProcessAlive, readHostIdentity } from '../../platform/node/host-identity.js';
import { readMounts } from '../../platform/node/mounts.js';
import { defineCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { type Paint, paintFor } from '../text.js';

const EXIT_CODE_OF_VERDICT: { readonly [verdict in Verdict]: ExitCode } = {
  ok: EXIT.ok,
  warnings: EXIT.ok,
  refuse: EXIT.refused,
};

export const command = defineCommand({
  options: {},
  positionals: {
    dir: { type: 'string', demandOption: true, description: 'The directory of the store to be' },
  },
  examples: [['doctor /srv/holdfast', 'Before the first start there, and after a change of mount']],
  epilogue:
    'It works in a directory of its own below DIR and touches no store. Ends with 0 for ok and for warnings, and with 3 for refuse.',
  async run({ dir }) {
    const report = await examineDirectory({
      directory: dir,
      fileSystem: nodeFileSystem,
      clock: nodeClock,
      identity: readHostIdentity(),
      isProcessAlive,
      readMounts,
      startProcess: startFileSystemProcess,
    });
    const paint = paintFor(process.stdout);
    const lines = reportLines(report).map((line) => paintLine(line, report.verdict, paint));
    process.stdout.write(`${lines.join('\n')}\n`);
    return EXIT_CODE_OF_VERDICT[report.verdict];
  },
});

function paintLine(line: string, verdict: Verdict, paint: Paint): string {
  if (line.startsWith('verdict')) {
    const colour = { ok: paint.green, warnings: paint.yellow, refuse: paint.red }[verdict];
    return paint.bold(colour(line));
  }
  if (/^ {2}(FAILED|refuse)/.test(line)) {
    return paint.red(line);
  }
  return line.startsWith('  warning') ? paint.yellow(line) : line;
}
