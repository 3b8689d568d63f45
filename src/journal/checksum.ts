/** CRC-32 as ISO 3309 has it, continued over several ranges. */
import { crc32 } from 'node:zlib';

/** The checksum of `bytes`, going on from `previous` when given the checksum of what came before. */
export function checksumOf(bytes: Uint8Array, previous: number): number {
  return crc32(bytes, previous);
}
