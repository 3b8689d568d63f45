/**
 * `npm run bench -- --lab`: the same scenarios inside guests of a lab of its own, on the NFS mount of a
 * broker and on a disk of the file server itself, so that one run tells what NFS costs. A guest has one
 * processor and is slow, and its clients share that: the ratios count, not the rates.
 */

import { Lab } from '../scripts/lab/lab.js';
import { requireMachine } from '../scripts/lab/machine.js';
import { PROJECT_IN_GUESTS, STORE_IN_GUESTS } from '../scripts/lab/places.js';
import { DEFAULT_SETTINGS } from '../scripts/lab/settings.js';
import { paintFor, tableLines } from '../src/cli/text.js';
import { numberText, type ReportDocument } from './report.js';

/** Where a scenario runs. The file server's guest has no user of its own for brokers. */
const PLACES = {
  nfs: { host: 'a', user: 'holdfast', store: STORE_IN_GUESTS },
  /** On the disk that the store's export lies on. */
  disk: { host: 's', user: 'root', store: '/srv/bench' },
} as const;
/** For a broker and its clients. */
const MEMORY_MB = 768;
const SCENARIO_LIMIT_MS = 30 * 60_000;

export interface LabBenchRequest {
  readonly scenarios: readonly string[];
  readonly isJson: boolean;
  /** As they were given to this program, for the one in the guests. */
  readonly options: readonly string[];
  readonly progress: (text: string) => void;
}

/** What one scenario measured in both places. */
interface Comparison {
  readonly nfs: ReportDocument;
  readonly disk: ReportDocument;
}

export async function benchInLab(request: LabBenchRequest): Promise<void> {
  requireMachine();
  const lab = new Lab(`bench-${process.pid}`, request.progress);
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => reject(new Error('Interrupted.')));
    }
  });
  try {
    await Promise.race([runAll(lab, request), interrupted]);
  } finally {
    await lab.down();
  }
}

async function runAll(lab: Lab, request: LabBenchRequest): Promise<void> {
  await lab.up({
    ...DEFAULT_SETTINGS,
    brokers: [PLACES.nfs.host],
    memoryMb: MEMORY_MB,
    serverMemoryMb: MEMORY_MB,
  });
  await lab.run(PLACES.disk.host, `mkdir ${PLACES.disk.store}`);
  for (const scenario of request.scenarios) {
    const measure = async ({ host, user, store }: (typeof PLACES)[keyof typeof PLACES]) => {
      request.progress(`${scenario} on ${host}, in ${store}`);
      const command = [
        ...['exec', 'node', `${PROJECT_IN_GUESTS}/dist/bench/main.js`, '--json'],
        ...['--scenario', scenario, '--store', store, ...request.options],
      ].join(' ');
      const output = await lab.run(host, command, { user, timeoutMs: SCENARIO_LIMIT_MS });
      return JSON.parse(output) as ReportDocument;
    };
    const nfs = await measure(PLACES.nfs);
    const disk = await measure(PLACES.disk);
    request.progress('');
    const both = { nfs, disk };
    process.stdout.write(request.isJson ? `${JSON.stringify(both)}\n` : comparisonText(both));
  }
}

function comparisonText({ nfs, disk }: Comparison): string {
  const paint = paintFor(process.stdout);
  const lines = [paint.bold(nfs.scenario)];
  for (const [index, { name, ledger: _, ...figures }] of nfs.measurements.entries()) {
    const rows = Object.entries(figures).map(([key, onNfs]) => {
      const onDisk = Number(disk.measurements[index]?.[key]);
      return [key, numberText(Number(onNfs), 3), numberText(onDisk, 3), ratioText(onNfs, onDisk)];
    });
    lines.push(...tableLines([name, 'on NFS', "on the server's disk", 'ratio'], rows), '');
  }
  return `${lines.join('\n')}\n`;
}

function ratioText(onNfs: unknown, onDisk: number): string {
  return onDisk === 0 ? '' : numberText(Number(onNfs) / onDisk, 2);
}
