/**
 * Reads transfers. One comes with every message, and nearly all of them are written the same way: a
 * short list of small fields without a delivery state. These are read here, into one object that serves
 * all; whatever is unusual, or wrong, is left to the tables (performatives.ts), which read the same.
 */
import { type Read, readFields } from './composite.js';
import { CODE } from './format-codes.js';
import { TRANSFER } from './performatives.js';
import type { ValueReader } from './value-reader.js';

/** What a transfer says. Nobody asks for its tag: a delivery is known by its id. */
export type TransferFields = Omit<Read<typeof TRANSFER>, 'deliveryTag'>;

const LARGEST_COUNT = TRANSFER.entries.length;
/** What reading a field comes to, besides its value: it is null or left out, or not for this reader. */
const ABSENT = -1;
const UNUSUAL = -2;

export class TransferReader {
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private readonly fields: { -readonly [Name in keyof TransferFields]: TransferFields[Name] } = {
    handle: 0,
    deliveryId: null,
    messageFormat: null,
    settled: null,
    more: false,
    rcvSettleMode: null,
    state: null,
    resume: false,
    aborted: false,
    batchable: false,
  };

  /** Reads the list behind the descriptor, which was read already. The fields are valid until the next call. */
  read(reader: ValueReader): TransferFields {
    return this.readUsual(reader) ? this.fields : readFields(reader, TRANSFER);
  }

  /** Returns false, with the reader where it was, when the general one has to look. */
  private readUsual(reader: ValueReader): boolean {
    const { bytes, at: start } = reader;
    if (bytes[start] !== CODE.list8) return false;
    const end = start + 2 + (bytes[start + 1] as number);
    const count = bytes[start + 2] as number;
    if (end > reader.end || count === 0 || count > LARGEST_COUNT) return false;
    this.bytes = bytes;
    this.at = start + 3;
    const handle = this.uint();
    const deliveryId = count > 1 ? this.uint() : ABSENT;
    const tag = count > 2 ? this.passTag() : ABSENT;
    const messageFormat = count > 3 ? this.uint() : ABSENT;
    const settled = count > 4 ? this.flag() : ABSENT;
    const more = count > 5 ? this.flag() : ABSENT;
    const hasRare = count > 6 && !this.passUnused(count);
    const batchable = count > 10 ? this.flag() : ABSENT;
    // A field that went beyond the end shows here too: each begins where the one before it ended.
    if (handle < 0 || hasRare || this.at !== end) return false;
    if (Math.min(deliveryId, tag, messageFormat, settled, more, batchable) === UNUSUAL)
      return false;
    const { fields } = this;
    fields.handle = handle;
    fields.deliveryId = deliveryId === ABSENT ? null : deliveryId;
    fields.messageFormat = messageFormat === ABSENT ? null : messageFormat;
    fields.settled = settled === ABSENT ? null : settled === 1;
    fields.more = more === 1;
    fields.batchable = batchable === 1;
    reader.at = end;
    return true;
  }

  private uint(): number {
    const { bytes, at } = this;
    switch (bytes[at]) {
      case CODE.uint:
        this.at = at + 5;
        return (
          (((bytes[at + 1] as number) << 24) |
            ((bytes[at + 2] as number) << 16) |
            ((bytes[at + 3] as number) << 8) |
            (bytes[at + 4] as number)) >>>
          0
        );
      case CODE.smallUint:
        this.at = at + 2;
        return bytes[at + 1] as number;
      case CODE.uint0:
        this.at = at + 1;
        return 0;
      case CODE.null:
        this.at = at + 1;
        return ABSENT;
      default:
        return UNUSUAL;
    }
  }

  private flag(): number {
    this.at += 1;
    switch (this.bytes[this.at - 1]) {
      case CODE.true:
        return 1;
      case CODE.false:
        return 0;
      case CODE.null:
        return ABSENT;
      default:
        return UNUSUAL;
    }
  }

  private passTag(): number {
    const { bytes, at } = this;
    if (bytes[at] !== CODE.binary8) return this.passNull() ? ABSENT : UNUSUAL;
    this.at = at + 2 + (bytes[at + 1] as number);
    return 0;
  }

  private passNull(): boolean {
    this.at += 1;
    return this.bytes[this.at - 1] === CODE.null;
  }

  private passUnset(): boolean {
    const flag = this.flag();
    return flag === 0 || flag === ABSENT;
  }

  /** No rcv-settle-mode, no state, and neither resume nor aborted. */
  private passUnused(count: number): boolean {
    return (
      this.passNull() &&
      (count <= 7 || this.passNull()) &&
      (count <= 8 || this.passUnset()) &&
      (count <= 9 || this.passUnset())
    );
  }
}
