/** `holdfast doctor`: whether a directory can keep two nodes apart, tried out with real processes. */

import { examineDirectory } from '../../doctor/doctor.js';
import type { Verdict } from '../../doctor/finding.js';
import type { PeerRequest } from '../../doctor/peer/examination.js';
import { CUTS, type Cut } from '../../doctor/peer/peer-document.js';
import { reportJson, reportLines } from '../../doctor/report.js';
import { nodeClock } from '../../platform/node/clock.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import { startFileSystemProcess } from '../../platform/node/file-system-process.js';
import { isProcessAlive, readHostIdentity } from '../../platform/node/host-identity.js';
import { readMounts } from '../../platform/node/mounts.js';
import { packageVersion } from '../../platform/node/version.js';
import { requireSeconds, usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { type Paint, paintFor } from '../text.js';

const EXIT_CODE_OF_VERDICT: { readonly [verdict in Verdict]: ExitCode } = {
  ok: EXIT.ok,
  warnings: EXIT.ok,
  refuse: EXIT.refused,
};

const DEFAULT_WAIT_SECONDS = 120;

export const command = defineCommand({
  options: {
    peer: {
      type: 'boolean',
      description: 'Together with the same command on another host, run at the same time',
    },
    wait: {
      type: 'number',
      requiresArg: true,
      description: `With --peer: seconds to wait for the other one; default: ${DEFAULT_WAIT_SECONDS}`,
    },
    lease: {
      choices: CUTS,
      requiresArg: true,
      description:
        'With --peer, on one host only: you will cut off this host from the file server when told to',
    },
    json: { type: 'boolean', description: 'One JSON object' },
  },
  positionals: {
    dir: { type: 'string', demandOption: true, description: 'The directory of the store to be' },
  },
  examples: [
    ['doctor /srv/holdfast', 'Before the first start there, and after a change of mount'],
    ['doctor /srv/holdfast --peer', 'The same and what holds between two hosts; run it on both'],
    ['doctor /srv/holdfast --peer --lease cut', 'And how long a lock outlives its host'],
  ],
  epilogue:
    'It works in a directory of its own below DIR and touches no store. Ends with 0 for ok and for warnings, with 3 for refuse, and with 4 when the other doctor did not come or left.',
  async run({ dir, peer, wait, lease, json }) {
    const report = await examineDirectory({
      directory: dir,
      fileSystem: nodeFileSystem,
      clock: nodeClock,
      identity: readHostIdentity(),
      isProcessAlive,
      readMounts,
      startProcess: startFileSystemProcess,
      peer: peerRequest(peer === true, wait, lease),
    });
    if (json === true) {
      process.stdout.write(`${JSON.stringify(reportJson(report))}\n`);
    } else {
      const paint = paintFor(process.stdout);
      const lines = reportLines(report).map((line) => paintLine(line, report.verdict, paint));
      process.stdout.write(`${lines.join('\n')}\n`);
    }
    const failure = report.peer?.failure ?? null;
    if (failure !== null && report.verdict !== 'refuse') throw failure;
    return EXIT_CODE_OF_VERDICT[report.verdict];
  },
});

function peerRequest(
  isWanted: boolean,
  waitSeconds: number | undefined,
  toBeCut: Cut | undefined,
): PeerRequest | null {
  if (!isWanted) {
    if (waitSeconds !== undefined) throw usageError('--wait is of use with --peer only.');
    if (toBeCut !== undefined) throw usageError('--lease is of use with --peer only.');
    return null;
  }
  return {
    version: packageVersion(),
    waitMs: requireSeconds('wait', waitSeconds ?? DEFAULT_WAIT_SECONDS),
    toBeCut: toBeCut ?? null,
    tell: (sentence) => process.stderr.write(`holdfast: ${sentence}\n`),
  };
}

function paintLine(line: string, verdict: Verdict, paint: Paint): string {
  if (line.startsWith('verdict')) {
    const colour = { ok: paint.green, warnings: paint.yellow, refuse: paint.red }[verdict];
    return paint.bold(colour(line));
  }
  if (/^ {2}(FAILED|refuse)|^ {12}SHOWN TO FAIL/.test(line)) {
    return paint.red(line);
  }
  return line.startsWith('  warning') ? paint.yellow(line) : line;
}
