/** The STOMP codec: splits, round trips in every version, and streams that are nearly frames. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Output } from '../../src/protocols/shared/output.js';
import { COMMAND, isNeverEscaped, mayHaveBody } from '../../src/protocols/stomp/commands.js';
import { FrameDecoder, type FrameLimits } from '../../src/protocols/stomp/frame-decoder.js';
import {
  appendStoredHeaders,
  StoredHeaderWriter,
} from '../../src/protocols/stomp/stored-headers.js';
import { type StompVersion, VERSION } from '../../src/protocols/stomp/version.js';
import {
  type AnyVersion,
  asText,
  type ByteEdit,
  byteEdit,
  cutInto,
  decode,
  editedBytes,
  encodeAll,
  frame,
  headerText,
  type PlainFrame,
  sizes,
  VERSIONS,
} from './stomp-frames.js';
import { defineTarget } from './target.js';

const LIMITS: FrameLimits = { maxHeaderBytes: 600, maxHeaders: 8, maxBodyBytes: 500 };
/** A frame may wait in a buffer that was doubled once too often. */
const MOST_BUFFERED_BYTES = 2 * (LIMITS.maxHeaderBytes + LIMITS.maxBodyBytes + 512);
/** Longer streams are cut at some places only. */
const EVERY_SPLIT_BYTES = 250;

interface FrameStream {
  readonly version: number;
  readonly frames: readonly PlainFrame[];
  readonly cuts: readonly number[];
}

interface EditedStream extends FrameStream {
  readonly edits: readonly ByteEdit[];
}

const stream = {
  version: fc.nat(VERSIONS.length - 1),
  frames: fc.array(frame, { minLength: 1, maxLength: 3 }),
  cuts: sizes,
};

function versionOf({ version }: { readonly version: number }): AnyVersion {
  return VERSIONS[version % VERSIONS.length] ?? null;
}

/** Without what a version has no way to write. */
function writable(plain: PlainFrame, version: AnyVersion): PlainFrame {
  const { command, headers, body } = plain;
  const names = isPlainText(plain, version)
    ? headers.filter(([name]) => !name.includes(':'))
    : headers;
  return { command, headers: names, body: mayHaveBody(command) ? body : new Uint8Array(0) };
}

function isPlainText({ command }: PlainFrame, version: AnyVersion): boolean {
  return version === null || version === VERSION.v10 || isNeverEscaped(command);
}

/** What a peer must read: versions without escapes lose line ends, and 1.0 lets values be padded. */
function asRead(plain: PlainFrame, version: AnyVersion): PlainFrame {
  const { command, headers, body } = plain;
  const line = (text: string) =>
    isPlainText(plain, version) ? text.replace(/[\r\n]/g, ' ') : text;
  const value = (text: string) =>
    version === VERSION.v10 ? line(text).replace(/^ +| +$/g, '') : line(text);
  const read = headers.map(([name, text]): [string, string] => [line(name), value(text)]);
  const length: [string, string][] =
    body.length === 0 ? [] : [['content-length', String(body.length)]];
  return { command, headers: [...read, ...length], body };
}

/** Every split in two, and the given one in many, gives the same as no split. */
function checkSplits(bytes: Uint8Array, version: AnyVersion, cuts: readonly number[]) {
  const whole = decode([bytes.slice()], version, LIMITS);
  const expected = asText(whole);
  const splits = [cutInto(bytes, cuts), cutInto(bytes, [1])];
  if (bytes.length <= EVERY_SPLIT_BYTES) {
    for (let at = 1; at < bytes.length; at += 1) splits.push(cutInto(bytes, [at, bytes.length]));
  }
  for (const chunks of splits) {
    const decoded = decode(chunks, version, LIMITS);
    const { mostBufferedBytes } = decoded;
    assert.ok(mostBufferedBytes <= MOST_BUFFERED_BYTES, `${mostBufferedBytes} bytes wait`);
    if (asText(decoded) === expected) continue;
    const lengths = chunks.map((chunk) => chunk.length).join(' ');
    assert.equal(asText(decoded), expected, `cut into ${lengths}`);
  }
  for (const { headers, body } of whole.frames) {
    assert.ok(headers.length <= LIMITS.maxHeaders, `${headers.length} headers`);
    assert.ok(body.length <= LIMITS.maxBodyBytes, `a body of ${body.length} bytes`);
  }
  // However a frame was begun, it does not go on for ever.
  const endless = cutInto(new Uint8Array(MOST_BUFFERED_BYTES * 2).fill(0x61), cuts);
  const { fault, mostBufferedBytes } = decode([bytes.slice(), ...endless], version, LIMITS);
  assert.ok(mostBufferedBytes <= MOST_BUFFERED_BYTES, `${mostBufferedBytes} bytes wait`);
  assert.notEqual(fault, null, 'an endless frame is refused');
  return whole;
}

export const stompFrames = defineTarget<FrameStream>({
  name: 'stomp-frames',
  promise: 'any frames decode to what was encoded, in every version and however they are split',
  inputsInTests: 100,
  inputs: fc.record(stream),
  check: (input) => {
    const version = versionOf(input);
    const frames = input.frames.map((plain) => writable(plain, version));
    const whole = checkSplits(encodeAll(frames, version), version, input.cuts);
    if (whole.fault !== null) {
      assert.match(whole.fault, /over the limit/);
      return;
    }
    assert.deepEqual(
      whole.frames,
      frames.map((plain) => asRead(plain, version)),
    );
  },
});

export const stompBytes = defineTarget<EditedStream>({
  name: 'stomp-bytes',
  promise:
    'any bytes are frames or one StompError, the same however they are split, and buffers are bounded',
  inputsInTests: 100,
  inputs: fc.record({ ...stream, edits: fc.array(byteEdit, { minLength: 1, maxLength: 5 }) }),
  check: (input) => {
    const version = versionOf(input);
    checkSplits(editedBytes(encodeAll(input.frames, version), input.edits), version, input.cuts);
  },
});

interface StoredHeaders {
  readonly sender: number;
  readonly receiver: number;
  readonly headers: readonly (readonly [string, string])[];
}

/** Names that no broker uses up, and that 1.0 can write. */
const userName = headerText.map((text) => `x${text.replace(/[:\r\n\\]/g, '')}`);

export const storedHeaders = defineTarget<StoredHeaders>({
  name: 'stomp-stored-headers',
  promise: 'user headers reach clients of every version as the sender of any version meant them',
  inputsInTests: 400,
  inputs: fc.record({
    sender: fc.integer({ min: 1, max: 3 }),
    receiver: fc.integer({ min: 1, max: 3 }),
    headers: fc.array(fc.tuple(userName, headerText), { maxLength: 6 }),
  }),
  check: ({ sender, receiver, headers }) => {
    const from = VERSIONS[sender] as StompVersion;
    const to = VERSIONS[receiver] as StompVersion;
    const stored = new Map<string, Uint8Array>();
    const writer = new StoredHeaderWriter();
    const decoder = new FrameDecoder({ ...LIMITS, maxHeaderBytes: 4096 }, (sent) => {
      stored.set('headers', writer.write(sent).slice());
    });
    decoder.version = from;
    const send: PlainFrame = { command: COMMAND.send, headers, body: new Uint8Array(0) };
    decoder.push(encodeAll([send], from));
    const delivered = delivery(stored.get('headers') ?? new Uint8Array(0), to);
    const { frames, fault } = decode([delivered], to, { ...LIMITS, maxHeaderBytes: 4096 });
    assert.equal(fault, null);
    const sent = { ...asRead(send, from), command: COMMAND.message };
    assert.deepEqual(frames, [asRead(sent, to)]);
  },
});

/** A MESSAGE without any headers of the broker's own. */
function delivery(stored: Uint8Array, version: StompVersion): Uint8Array {
  const parts: Uint8Array[] = [];
  const output = new Output((bytes) => parts.push(bytes.slice()));
  const head = new TextEncoder().encode('MESSAGE\n');
  output.reserve(head.length + stored.length + 2);
  output.bytes(head);
  appendStoredHeaders(output, stored, 0, stored.length, version);
  output.bytes(Uint8Array.of(0x0a, 0));
  output.flush();
  return Uint8Array.from(Buffer.concat(parts));
}
