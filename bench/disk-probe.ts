/** The yardstick of latency: a plain 4 KiB synchronous write into a preallocated file. */

import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Samples } from './samples.js';

/** Enough for a median, and over before it disturbs. */
const WRITES_ASIDE = 200;
const WRITE_BYTES = 4096;
const FILE_BYTES = 16 * 1024 * 1024;

export class DiskProbe {
  readonly #descriptor: number;
  readonly #block = Buffer.alloc(WRITE_BYTES, 0x2a);
  #position = 0;

  constructor(path: string) {
    const zeros = openSync(path, 'wx');
    writeSync(zeros, Buffer.alloc(FILE_BYTES));
    fsyncSync(zeros);
    closeSync(zeros);
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  }

  /** Milliseconds of each write go to `samples`. */
  measure(writes: number, samples: Samples): void {
    for (let write = 0; write < writes; write += 1) {
      const startedAtMs = performance.now();
      writeSync(this.#descriptor, this.#block, 0, WRITE_BYTES, this.#position);
      samples.add(performance.now() - startedAtMs);
      this.#position = (this.#position + WRITE_BYTES) % FILE_BYTES;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** The median of such writes below `directory`, for a scenario that measures something else. */
export function plainWriteP50Ms(directory: string): number {
  const probe = new DiskProbe(join(directory, 'plain-write'));
  const samples = new Samples();
  probe.measure(WRITES_ASIDE, samples);
  probe.close();
  return samples.percentile(0.5);
}
