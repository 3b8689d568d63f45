/**
 * Changes to the payloads of blocks: what a defect in a writer, or a checksum that was made to
 * fit, would let through to the broker. They know where records begin, so that most of what they
 * make is nearly right.
 */
import fc from 'fast-check';

type RecordEdit =
  | {
      /** `twin`: a changed copy behind the record itself. */
      readonly kind: 'write' | 'twin' | 'insert';
      readonly record: number;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'cut'; readonly record: number; readonly at: number; readonly count: number }
  | {
      readonly kind: 'swap';
      readonly record: number;
      readonly at: number;
      readonly other: number;
      readonly count: number;
    }
  | { readonly kind: 'drop' | 'duplicate'; readonly record: number }
  | { readonly kind: 'move'; readonly record: number; readonly to: number };

export type RecordEdits = readonly RecordEdit[];

/** The payload after all edits, and how many records it has where their lengths still tell. */
export function edited(
  payload: Uint8Array,
  edits: RecordEdits,
): { readonly payload: Uint8Array; readonly recordCount: number } {
  let records = split(payload);
  for (const edit of edits) {
    const index = edit.record % Math.max(1, records.length);
    const record = records[index];
    if (record === undefined) break;
    records = split(concatenated(changed(records, index, record, edit)));
  }
  return { payload: concatenated(records), recordCount: records.length };
}

function changed(
  records: readonly Uint8Array[],
  index: number,
  record: Uint8Array,
  edit: RecordEdit,
): Uint8Array[] {
  const others = records.toSpliced(index, 1);
  switch (edit.kind) {
    case 'write':
      return others.toSpliced(index, 0, overwritten(record, edit.at, edit.bytes));
    case 'twin':
      return records.toSpliced(index + 1, 0, overwritten(record, edit.at, edit.bytes));
    case 'swap': {
      const { at, other, count } = edit;
      const first = record.slice(at, at + count);
      const second = record.slice(other, other + count);
      const copy = overwritten(overwritten(record, at, second), other, first);
      return others.toSpliced(index, 0, copy);
    }
    case 'cut': {
      const at = edit.at % record.length;
      const copy = concatenated([record.subarray(0, at), record.subarray(at + edit.count)]);
      return others.toSpliced(index, 0, copy);
    }
    case 'insert': {
      const at = edit.at % record.length;
      const copy = concatenated([record.subarray(0, at), edit.bytes, record.subarray(at)]);
      return others.toSpliced(index, 0, copy);
    }
    case 'drop':
      return others;
    case 'duplicate':
      return records.toSpliced(index, 0, record);
    case 'move':
      return others.toSpliced(edit.to % records.length, 0, record);
  }
}

function overwritten(record: Uint8Array, place: number, by: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(record);
  const start = place % copy.length;
  copy.set(by.subarray(0, copy.length - start), start);
  return copy;
}

/** By the lengths that the records claim; what does not fit is one last piece. */
function split(payload: Uint8Array): Uint8Array[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < payload.length; ) {
    const claimed = at + 4 <= payload.length ? view.getUint32(at, true) : 0;
    const end = claimed === 0 ? payload.length : Math.min(payload.length, at + claimed);
    records.push(payload.slice(at, end));
    at = end;
  }
  return records;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

const record = fc.nat(40);
const at = fc.oneof(
  fc.constantFrom(0, 4, 5, 6, 7, 8, 12, 14, 16, 18, 20, 24, 28, 32, 40, 44, 48, 52),
  fc.nat(200),
);

/** Where the lists of stored entries, and those of ids, begin in their records. */
const LONG_LIST_AT = 16;
const SHORT_LIST_AT = 12;

const doubles = [0, 1, 2, 5, 1000, -1, 0.5, 2 ** 53 - 1, 2 ** 53, Infinity, NaN, -0];
const wholes = [0, 1, 2, 3, 8, 12, 44, 255, 65_535, 0x7fffffff, 0xffffffff];
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
  fc.constantFrom(...doubles).map((value) => new Uint8Array(Float64Array.of(value).buffer)),
  fc.constantFrom(...wholes).map((value) => new Uint8Array(Uint32Array.of(value).buffer)),
);

const only = <Kind extends string>(kind: Kind): fc.Arbitrary<Kind> => fc.constant(kind);

export const someEdits: fc.Arbitrary<RecordEdits> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: only('write'), record, at, bytes }) },
    { weight: 2, arbitrary: fc.record({ kind: only('twin'), record, at, bytes }) },
    fc
      .record({ record, size: fc.constantFrom(8, 10, 12, 36), one: fc.nat(6), two: fc.nat(6) })
      .map(({ record: index, size, one, two }): RecordEdit => {
        const start = size === 36 ? LONG_LIST_AT : SHORT_LIST_AT;
        const place = { at: start + size * one, other: start + size * two, count: size };
        return { kind: 'swap', record: index, ...place };
      }),
    fc.record({ kind: only('cut'), record, at, count: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: only('insert'), record, at, bytes }),
    fc.record({ kind: fc.constantFrom('drop', 'duplicate'), record }),
    fc.record({ kind: only('move'), record, to: record }),
  ),
  { minLength: 1, maxLength: 4 },
);
