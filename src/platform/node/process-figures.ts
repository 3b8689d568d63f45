/** What this process itself takes, and how late its main thread is, for metrics. */

import { Histogram } from '../histogram.js';

const SAMPLE_INTERVAL_MS = 50;
const DELAY_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface ProcessFigures {
  /** Since 1970. */
  readonly startedAtSeconds: number;
  /** User and system, of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Buffers and the like, outside the heap. */
  readonly externalBytes: number;
  /** By how much a timer of the main thread was late. */
  readonly eventLoopDelay: Histogram;
}

/** Begins to measure; the process may end meanwhile. */
export class ProcessMeter {
  readonly #delay = new Histogram(DELAY_SECONDS);
  readonly #startedAtSeconds = Date.now() / 1_000 - process.uptime();

  constructor() {
    this.#sample();
  }

  figures(): ProcessFigures {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return {
      startedAtSeconds: this.#startedAtSeconds,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
      eventLoopDelay: this.#delay,
    };
  }

  #sample(): void {
    const dueMs = performance.now() + SAMPLE_INTERVAL_MS;
    const timer = setTimeout(() => {
      this.#delay.observeMs(Math.max(0, performance.now() - dueMs));
      this.#sample();
    }, SAMPLE_INTERVAL_MS);
    timer.unref();
  }
}
