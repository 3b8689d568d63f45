/** The yardstick of latency: a plain 4 KiB synchronous write into a preallocated file. */

import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Samples } from './samples.js';

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
