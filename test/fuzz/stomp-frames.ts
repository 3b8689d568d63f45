/** STOMP frames as plain values: how they are made, encoded, mutated, cut and decoded. */
import fc from 'fast-check';
import { ALL_COMMANDS, type Command, commandName } from '../../src/protocols/stomp/commands.js';
import type { Frame } from '../../src/protocols/stomp/frame.js';
import { FrameDecoder, type FrameLimits } from '../../src/protocols/stomp/frame-decoder.js';
import { encodeFrame } from '../../src/protocols/stomp/frame-encoder.js';
import { StompError } from '../../src/protocols/stomp/stomp-error.js';
import { type StompVersion, VERSION } from '../../src/protocols/stomp/version.js';

export type AnyVersion = StompVersion | null;
export const VERSIONS: readonly AnyVersion[] = [null, VERSION.v10, VERSION.v11, VERSION.v12];

export interface PlainFrame {
  readonly command: Command;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

export interface Decoded {
  readonly frames: readonly PlainFrame[];
  /** What a StompError said; null when there was none. */
  readonly fault: string | null;
  /** Bytes that waited for the rest of a frame, at most. */
  readonly mostBufferedBytes: number;
  readonly isMidFrame: boolean;
}

/** Any other exception than a StompError goes on. The chunks are used up. */
export function decode(
  chunks: readonly Uint8Array[],
  version: AnyVersion,
  limits: FrameLimits,
): Decoded {
  const frames: PlainFrame[] = [];
  let mostBufferedBytes = 0;
  let fault: string | null = null;
  const decoder = new FrameDecoder(limits, (frame) => frames.push(plainFrame(frame)));
  decoder.version = version;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      // The bytes are only valid during the call.
      chunk.fill(0x58);
      mostBufferedBytes = Math.max(mostBufferedBytes, decoder.bufferedBytes);
    }
  } catch (error) {
    if (!(error instanceof StompError)) throw error;
    fault = error.message;
  }
  return { frames, fault, mostBufferedBytes, isMidFrame: fault === null && decoder.midFrame };
}

/** To be compared: much faster than comparing it deeply. */
export function asText({ frames, fault, isMidFrame }: Decoded): string {
  const texts = frames.map(({ command, headers, body }) =>
    JSON.stringify([command, headers, Buffer.from(body).toString('latin1')]),
  );
  return `${texts.join('\n')}\n${fault}\n${isMidFrame}`;
}

function plainFrame(frame: Frame): PlainFrame {
  const headers: [string, string][] = [];
  for (let index = 0; index < frame.headerCount; index += 1) {
    headers.push([frame.nameText(index), frame.valueText(index)]);
  }
  return { command: frame.command, headers, body: frame.body().slice() };
}

export function encodeAll(frames: readonly PlainFrame[], version: AnyVersion): Uint8Array {
  return Uint8Array.from(Buffer.concat(frames.map((frame) => encodeFrame(frame, version))));
}

/** Copies in pieces of these sizes, over and over. */
export function cutInto(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, sizes[chunks.length % sizes.length] ?? 1);
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

export const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 700 })),
  {
    minLength: 1,
    maxLength: 8,
  },
);

const anyText = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => text.replaceAll('\0', ''));
const spicedText = fc
  .array(fc.constantFrom('a', ' ', ':', '\\', '\n', '\r', 'n', 'c', 'é', '\u{1f512}'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
export const headerText = fc.oneof(anyText, spicedText);
/** About as long as the limits of the tests. */
const longText = fc.integer({ min: 560, max: 600 }).map((length) => 'x'.repeat(length));
export const headerName = fc.oneof(
  headerText.filter((name) => name !== '' && name !== 'content-length'),
  fc.constantFrom('destination', 'receipt', 'id', 'x'),
);

export const frame: fc.Arbitrary<PlainFrame> = fc.record({
  command: fc.constantFrom(...ALL_COMMANDS),
  headers: fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.tuple(headerName, headerText) },
      fc.tuple(fc.constant('long'), longText),
    ),
    { maxLength: 6 },
  ),
  body: fc.oneof(
    fc.constant(new Uint8Array(0)),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ minLength: 400, maxLength: 700, size: 'max' }),
  ),
});

/** A change to the bytes of a stream; places are taken modulo what is there. */
export interface ByteEdit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

export function editedBytes(bytes: Uint8Array, edits: readonly ByteEdit[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const { at, removed, inserted } of edits) {
    const start = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, start), inserted, result.subarray(start + removed)]);
  }
  return Uint8Array.from(result);
}

const FRAGMENTS = [
  ...['\0', '\n', '\r\n', '\r', ':', '\\', '\\n', '\\x', ' ', '\n\n', '\n\0', '\0\0'],
  ...['content-length:', 'content-length:3\n', 'content-length:99999999999\n', ':x\n', 'x:\n'],
  ...ALL_COMMANDS.map((command) => `${commandName(command)}\n`),
];

export const byteEdit: fc.Arbitrary<ByteEdit> = fc.record({
  at: fc.nat(2000),
  removed: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(60)),
  inserted: fc.oneof(
    fc.constantFrom(...FRAGMENTS).map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 8 }),
  ),
});
