/** How much of a write that is told to fail reaches the file all the same. */
import type { SeededRandom } from '../kernel/random.js';
import type { WriteFault } from './client.js';

type RealFault = NonNullable<WriteFault>;

/** An I/O error says nothing of the bytes: now and then all of them are there. */
export function faultedBytes(
  bytes: Uint8Array,
  fault: RealFault,
  random: SeededRandom,
): Uint8Array {
  if (fault.kind === 'error') {
    return fault.errno === 'EIO' && random.chance(0.3) ? bytes : bytes.subarray(0, 0);
  }
  return bytes.subarray(0, Math.floor(bytes.byteLength * Math.min(1, fault.part)));
}

export function errnoOfFault(fault: RealFault): 'EIO' | 'ENOSPC' | 'EDQUOT' | 'ESTALE' {
  return fault.kind === 'error' ? fault.errno : 'EIO';
}
