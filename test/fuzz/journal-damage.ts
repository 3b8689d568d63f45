/**
 * What can happen to the files of a journal at rest. Places are plain numbers that are taken
 * modulo what is there, so that every damage means something in every journal.
 */
import fc from 'fast-check';
import { decodeBlock, encodeBlock } from '../../src/journal/block.js';
import { BLOCK_HEADER_BYTES, BLOCK_TYPE, SECTOR_BYTES } from '../../src/journal/format.js';
import type { JournalFiles } from './journal-sample.js';

interface SectorRange {
  readonly file: number;
  readonly sector: number;
  readonly count: number;
}

export type Damage =
  | { readonly kind: 'flip'; readonly file: number; readonly bit: number }
  | {
      readonly kind: 'write';
      readonly file: number;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'truncate'; readonly file: number; readonly length: number }
  | { readonly kind: 'extend'; readonly file: number; readonly bytes: Uint8Array }
  | ({ readonly kind: 'zero' } & SectorRange)
  | ({
      readonly kind: 'duplicate';
      readonly toFile: number;
      readonly toSector: number;
    } & SectorRange)
  | { readonly kind: 'swap'; readonly file: number; readonly one: number; readonly other: number }
  | {
      readonly kind: 'forge';
      readonly file: number;
      readonly sector: number;
      readonly field: 'sequence' | 'previousChecksum' | 'segment' | 'offset' | 'payload';
      readonly value: number;
    }
  | { readonly kind: 'unlink'; readonly file: number }
  | { readonly kind: 'rename' | 'copy'; readonly file: number; readonly to: string };

type Files = Map<string, Uint8Array>;

export function damaged(files: JournalFiles, damages: readonly Damage[]): JournalFiles {
  const result: Files = new Map(files);
  for (const damage of damages) inflict(result, damage);
  return result;
}

function inflict(files: Files, damage: Damage): void {
  const names = [...files.keys()].sort();
  const name = names[damage.file % names.length];
  if (name === undefined) return;
  const bytes = Uint8Array.from(files.get(name) ?? []);
  switch (damage.kind) {
    case 'flip': {
      const at = Math.floor(damage.bit / 8) % Math.max(1, bytes.length);
      const before = bytes[at];
      if (before !== undefined) bytes[at] = before ^ (1 << (damage.bit % 8));
      break;
    }
    case 'write':
      overwrite(bytes, damage.at % Math.max(1, bytes.length), damage.bytes);
      break;
    case 'truncate':
      files.set(name, bytes.slice(0, damage.length % Math.max(1, bytes.length)));
      return;
    case 'extend':
      files.set(name, Uint8Array.from([...bytes, ...damage.bytes]));
      return;
    case 'zero':
      sectors(bytes, damage).fill(0);
      break;
    case 'duplicate': {
      const toName = names[damage.toFile % names.length] as string;
      const target = toName === name ? bytes : Uint8Array.from(files.get(toName) ?? []);
      overwrite(target, sectorStart(target, damage.toSector), sectors(bytes, damage).slice());
      files.set(toName, target);
      return;
    }
    case 'swap': {
      const { file } = damage;
      const one = sectors(bytes, { file, sector: damage.one, count: 1 }).slice();
      const other = sectors(bytes, { file, sector: damage.other, count: 1 }).slice();
      overwrite(bytes, sectorStart(bytes, damage.one), other);
      overwrite(bytes, sectorStart(bytes, damage.other), one);
      break;
    }
    case 'forge':
      forge(bytes, damage);
      break;
    case 'unlink':
      files.delete(name);
      return;
    case 'rename':
      files.delete(name);
      files.set(damage.to, bytes);
      return;
    case 'copy':
      files.set(damage.to, bytes);
      return;
  }
  files.set(name, bytes);
}

/**
 * A whole block, with a right checksum of its own, that is not the one which belongs there: what a
 * deposed node or an older state of the disk could have left. Of a payload only a checkpoint can
 * tell: nothing follows the last block of a journal yet.
 */
function forge(bytes: Uint8Array, damage: Extract<Damage, { kind: 'forge' }>): void {
  const { sector: wanted, field, value } = damage;
  const at = sectorStart(bytes, wanted);
  const block = decodeBlock(bytes, at);
  if (block === null) return;
  const own = bytes.subarray(at, at + block.lengthBytes);
  if (field !== 'payload') {
    encodeBlock(own, { ...block, [field]: value === block[field] ? value + 1 : value });
  } else if (block.type === BLOCK_TYPE.checkpoint && block.payloadLength > 0) {
    const place = BLOCK_HEADER_BYTES + (value % block.payloadLength);
    own[place] = (own[place] as number) ^ 1;
    encodeBlock(own, block);
  }
}

function overwrite(bytes: Uint8Array, at: number, by: Uint8Array): void {
  bytes.set(by.subarray(0, bytes.length - at), at);
}

function sectorStart(bytes: Uint8Array, sector: number): number {
  const count = Math.max(1, Math.floor(bytes.length / SECTOR_BYTES));
  return Math.min(bytes.length, (sector % count) * SECTOR_BYTES);
}

function sectors(bytes: Uint8Array, { sector, count }: SectorRange): Uint8Array {
  const start = sectorStart(bytes, sector);
  return bytes.subarray(start, start + count * SECTOR_BYTES);
}

const file = fc.nat(8);
const sector = fc.nat(12);
const count = fc.integer({ min: 1, max: 4 });
const place = fc.nat(4095);
/** Where the fields of headers lie, in any sector. */
const fieldPlace = fc
  .tuple(sector, fc.constantFrom(0, 4, 8, 12, 16, 24, 32, 36, 40, 44, 48, 52, 56, 60, 64, 508))
  .map(([in512, field]) => in512 * SECTOR_BYTES + field);
/** Numbers that lengths and counts must not be believed to be. */
const number = fc
  .constantFrom(0, 1, 2, 447, 448, 449, 512, 1024, 2048, 0x7fffffff, 0x80000000, 0xffffffff)
  .map((value) => Uint8Array.from([value, value >>> 8, value >>> 16, value >>> 24]));
const name = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 4 }))
    .map(([segment, epoch]) => `${padded(segment, 10)}-${padded(epoch, 10)}.segment`),
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 12 }))
    .map(([epoch, sequence]) => `${padded(epoch, 10)}-${padded(sequence, 16)}.checkpoint`),
);

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

const only = <Kind extends string>(kind: Kind): fc.Arbitrary<Kind> => fc.constant(kind);

/** Of bytes; names stay as they are. */
export const damageOfBytes: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: only('flip'), file, bit: fc.nat(4096 * 8 - 1) }),
  fc.record({ kind: only('write'), file, at: place, bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: only('write'), file, at: fieldPlace, bytes: number }),
  fc.record({ kind: only('truncate'), file, length: place }),
  fc.record({ kind: only('extend'), file, bytes: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ kind: only('zero'), file, sector, count }),
  fc.record({ kind: only('duplicate'), file, sector, count, toFile: file, toSector: sector }),
  fc.record({ kind: only('swap'), file, one: sector, other: sector }),
  fc.record({
    kind: only('forge'),
    file,
    sector,
    field: fc.constantFrom('sequence', 'previousChecksum', 'segment', 'offset', 'payload'),
    value: fc.oneof(fc.nat(20), fc.nat(0x7fffffff)),
  }),
);

export const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  { arbitrary: damageOfBytes, weight: 8 },
  fc.record({ kind: only('unlink'), file }),
  fc.record({ kind: fc.constantFrom('rename', 'copy'), file, to: name }),
);
