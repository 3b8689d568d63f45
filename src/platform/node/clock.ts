/** The real clock and the real randomness. */
import { randomBytes } from 'node:crypto';
import type { Clock, Random, Timer } from '../ports.js';

export const nodeClock: Clock = Object.freeze({
  monotonicMs(): number {
    return Number(process.hrtime.bigint()) / 1e6;
  },

  wallMs(): number {
    return Date.now();
  },

  after(delayMs: number, callback: () => void): Timer {
    const timeout = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },

  soon(callback: () => void): void {
    setImmediate(callback);
  },
});

export const nodeRandom: Random = Object.freeze({
  bytes(count: number): Uint8Array {
    return randomBytes(count);
  },
});
