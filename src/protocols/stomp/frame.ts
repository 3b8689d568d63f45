/**
 * One decoded frame as ranges of bytes: nothing is copied and no string is made before somebody
 * asks. The decoder reuses one object for all frames of a connection, so a frame is only valid
 * during the call that hands it out; `detach` makes one that lasts.
 */
import { decimalInRange, NO_BYTES, rangeEquals, textOf, utf8 } from './bytes.js';
import { COMMAND, type Command, isNeverEscaped } from './commands.js';
import { unescapeHeader } from './escaping.js';
import { HEADER, type KnownHeader } from './known-headers.js';
import { type StompVersion, VERSION } from './version.js';

/** What was seen among the bytes of the header lines; bits of `Frame.headerTraits`. */
export const TRAIT = {
  lineEnd: 1,
  colon: 2,
  carriageReturn: 4,
  backslash: 8,
  nonAscii: 16,
  nul: 32,
  /** A colon after the one that ends the name. */
  colonInValue: 64,
} as const;

const OFFSETS_PER_HEADER = 5;
const KNOWN_HEADER_COUNT = Object.keys(HEADER).length + 1;

export class Frame {
  bytes: Uint8Array = NO_BYTES;
  command: Command = COMMAND.connect;
  /** How the header values are escaped; null until the version is agreed. */
  version: StompVersion | null = null;
  headerCount = 0;
  headerTraits = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** Per header: start and end of the name, start and end of the value, known header or zero. */
  private offsets: Int32Array;
  /** Per known header: one more than the index of its first occurrence, or zero. */
  private readonly firstIndex: Int32Array;

  constructor(
    offsets = new Int32Array(16 * OFFSETS_PER_HEADER),
    firstIndex = new Int32Array(KNOWN_HEADER_COUNT),
  ) {
    this.offsets = offsets;
    this.firstIndex = firstIndex;
  }

  reset(version: StompVersion | null): void {
    for (let index = 0; index < this.headerCount; index++) {
      this.firstIndex[this.knownAt(index)] = 0;
    }
    this.version = version;
    this.headerCount = 0;
    this.headerTraits = 0;
  }

  addHeader(
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    known: number,
  ): void {
    const at = this.headerCount * OFFSETS_PER_HEADER;
    if (at === this.offsets.length) this.growOffsets();
    const offsets = this.offsets;
    offsets[at] = nameStart;
    offsets[at + 1] = nameEnd;
    offsets[at + 2] = valueStart;
    offsets[at + 3] = valueEnd;
    offsets[at + 4] = known;
    this.headerCount += 1;
    // STOMP 1.2, "Repeated Header Entries": the first one counts.
    if (known !== 0 && this.firstIndex[known] === 0) this.firstIndex[known] = this.headerCount;
  }

  private growOffsets(): void {
    const larger = new Int32Array(this.offsets.length * 2);
    larger.set(this.offsets);
    this.offsets = larger;
  }

  nameStart(index: number): number {
    return this.offsets[index * OFFSETS_PER_HEADER] as number;
  }

  nameEnd(index: number): number {
    return this.offsets[index * OFFSETS_PER_HEADER + 1] as number;
  }

  valueStart(index: number): number {
    return this.offsets[index * OFFSETS_PER_HEADER + 2] as number;
  }

  valueEnd(index: number): number {
    return this.offsets[index * OFFSETS_PER_HEADER + 3] as number;
  }

  /** The known header that the header at `index` is, or zero. */
  knownAt(index: number): number {
    return this.offsets[index * OFFSETS_PER_HEADER + 4] as number;
  }

  /** The index of the first header that is `header`, or -1. */
  indexOf(header: KnownHeader): number {
    return (this.firstIndex[header] as number) - 1;
  }

  has(header: KnownHeader): boolean {
    return this.firstIndex[header] !== 0;
  }

  /** The value with its escapes resolved, or undefined when the frame has no such header. */
  text(header: KnownHeader): string | undefined {
    const index = this.indexOf(header);
    return index === -1 ? undefined : this.valueText(index);
  }

  valueText(index: number): string {
    return this.plain(textOf(this.bytes, this.valueStart(index), this.valueEnd(index)));
  }

  nameText(index: number): string {
    return this.plain(textOf(this.bytes, this.nameStart(index), this.nameEnd(index)));
  }

  private plain(text: string): string {
    if (this.version === null || isNeverEscaped(this.command)) return text;
    return unescapeHeader(text, this.version);
  }

  valueIs(header: KnownHeader, expected: Uint8Array): boolean {
    const index = this.indexOf(header);
    if (index === -1) return false;
    return rangeEquals(this.bytes, this.valueStart(index), this.valueEnd(index), expected);
  }

  /** The value as a decimal number; undefined without the header, -1 when it is no number. */
  decimal(header: KnownHeader): number | undefined {
    const index = this.indexOf(header);
    if (index === -1) return undefined;
    return decimalInRange(this.bytes, this.valueStart(index), this.valueEnd(index));
  }

  /** The value of any header by its plain name; the slow way, for clients and tests. */
  header(name: string): string | undefined {
    const wanted = utf8(name);
    for (let index = 0; index < this.headerCount; index++) {
      const start = this.nameStart(index);
      const end = this.nameEnd(index);
      if (rangeEquals(this.bytes, start, end, wanted)) return this.valueText(index);
      if (this.headerTraits & TRAIT.backslash && this.nameText(index) === name) {
        return this.valueText(index);
      }
    }
    return undefined;
  }

  /** All headers by name; of repeated ones the first. */
  headers(): Map<string, string> {
    const headers = new Map<string, string>();
    for (let index = 0; index < this.headerCount; index++) {
      const name = this.nameText(index);
      if (!headers.has(name)) headers.set(name, this.valueText(index));
    }
    return headers;
  }

  /** A range into the frame's bytes; valid as long as the frame. */
  body(): Uint8Array {
    return this.bytes.subarray(this.bodyStart, this.bodyEnd);
  }

  /** Moves all offsets, after the bytes of the frame were copied to `distance` earlier. */
  shift(distance: number): void {
    const offsets = this.offsets;
    for (let index = 0; index < this.headerCount; index++) {
      const at = index * OFFSETS_PER_HEADER;
      for (let part = at; part < at + 4; part++)
        offsets[part] = (offsets[part] as number) - distance;
    }
    this.bodyStart -= distance;
    this.bodyEnd -= distance;
  }

  /** A copy, bytes included, that stays valid. */
  detach(): Frame {
    const offsets = this.offsets.slice(0, this.headerCount * OFFSETS_PER_HEADER);
    const copy = new Frame(offsets, this.firstIndex.slice());
    const start = this.headerCount > 0 ? this.nameStart(0) : this.bodyStart;
    copy.bytes = this.bytes.slice(start, this.bodyEnd);
    copy.command = this.command;
    copy.version = this.version;
    copy.headerCount = this.headerCount;
    copy.headerTraits = this.headerTraits;
    copy.bodyStart = this.bodyStart;
    copy.bodyEnd = this.bodyEnd;
    copy.shift(start);
    return copy;
  }
}

/** Whether carriage returns before a line feed belong to the line's end: in 1.2, and before the version is agreed. */
export function endsLinesWithCarriageReturn(version: StompVersion | null): boolean {
  return version === null || version === VERSION.v12;
}
