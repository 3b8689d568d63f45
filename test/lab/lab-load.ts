/** Clients on the client host of a lab, driven from a test: load-program.ts does the work there. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../scripts/lab/lab.js';
import type { LabProcess } from '../../scripts/lab/lab-process.js';
import type { LoadOptions } from '../support/checked-load.js';
import { within } from '../support/eventually.js';
import type { ConfirmerChange, TimesReport } from './confirmation-times.js';

/** Without a message received; the load itself gives up before. */
const FINISH_LIMIT_MS = 120_000;
const PROGRAM = fileURLToPath(new URL('./load-program.js', import.meta.url));

export interface LoadProgramOptions {
  /** Every client goes through them until one takes it. */
  readonly addresses: readonly string[];
  readonly heartbeatMs: number;
  readonly load: Omit<LoadOptions, 'findServer' | 'onConfirmed'>;
}

export interface LoadReport extends TimesReport {
  readonly kind: 'progress' | 'finished';
  readonly confirmed: number;
  readonly acknowledged: number;
  readonly duplicates: number;
  /** Connections of all clients so far. */
  readonly sessions: number;
  /** Broken promises, in words. */
  readonly findings: readonly string[];
  /** Why the end was not a good one. */
  readonly error: string | null;
}

export class LabLoad {
  readonly #process: LabProcess;
  #report: LoadReport | null = null;
  #complaints = '';
  #hasEnded = false;
  #watchers: (() => void)[] = [];

  private constructor(lab: Lab, options: LoadProgramOptions) {
    const given = JSON.stringify(options);
    this.#process = lab.spawn(
      'h',
      `exec ${process.execPath} --enable-source-maps ${PROGRAM} '${given}'`,
    );
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#report = JSON.parse(line) as LoadReport;
      this.#wake();
    });
    this.#process.stderr.on('data', (bytes: Buffer) => {
      this.#complaints += bytes.toString();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    this.#process.ended.then(onEnd, onEnd);
  }

  /** Resolves when the first messages were confirmed. */
  static async start(lab: Lab, options: LoadProgramOptions): Promise<LabLoad> {
    const load = new LabLoad(lab, options);
    await load.until(
      'the first messages are confirmed',
      ({ confirmed }) => confirmed >= 50,
      60_000,
    );
    return load;
  }

  get report(): LoadReport {
    assert.ok(this.#report, `the load has told nothing: ${this.#complaints}`);
    return this.#report;
  }

  async until(
    what: string,
    isTrue: (report: LoadReport) => boolean,
    limitMs: number,
  ): Promise<void> {
    const wait = async (): Promise<void> => {
      while (this.#report === null || !isTrue(this.#report)) {
        assert.ok(!this.#hasEnded, `the load has ended; wanted: ${what}`);
        await new Promise<void>((resolve) => this.#watchers.push(resolve));
      }
    };
    try {
      await within(what, wait(), limitMs);
    } catch (error) {
      throw new Error(`${String(error)} ${this.#complaints}`.trimEnd(), { cause: error });
    }
  }

  confirmsMore(count: number, limitMs = 60_000): Promise<void> {
    const wanted = this.report.confirmed + count;
    return this.until(
      `${count} more are confirmed`,
      ({ confirmed }) => confirmed >= wanted,
      limitMs,
    );
  }

  /** Milliseconds from `sinceMs` to the first confirmation of this node after it. */
  async confirmedBy(node: string, sinceMs: number, limitMs = 60_000): Promise<number> {
    return (await this.changeTo(node, sinceMs, limitMs)).atMs - sinceMs;
  }

  /** The first confirmation by this node after `sinceMs`, and the last one by another node before it. */
  async changeTo(node: string, sinceMs: number, limitMs = 60_000): Promise<ConfirmerChange> {
    const find = ({ changes }: LoadReport): ConfirmerChange | undefined =>
      changes.find((change) => change.node === node && change.atMs >= sinceMs);
    await this.until(`${node} confirms`, (report) => find(report) !== undefined, limitMs);
    const change = find(this.report);
    assert.ok(change);
    return change;
  }

  /** Empties the queue, however long it is; fails with every promise that was broken. */
  async finish(): Promise<LoadReport> {
    this.#process.write('finish\n');
    const hasFinished = ({ kind }: LoadReport): boolean => kind === 'finished';
    while (!hasFinished(this.report)) {
      const { acknowledged } = this.report;
      const goesOn = (report: LoadReport): boolean =>
        hasFinished(report) || report.acknowledged > acknowledged;
      await this.until('the load ends, or receives more', goesOn, FINISH_LIMIT_MS);
    }
    const { report } = this;
    assert.deepEqual(
      { findings: report.findings, error: report.error },
      { findings: [], error: null },
    );
    return report;
  }

  stop(): void {
    this.#process.signal('SIGKILL');
  }

  #wake(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const wake of watchers) wake();
  }
}
