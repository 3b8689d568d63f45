/**
 * The header section that is stored with a message, and its way back to clients. Stored form:
 * the sender's own header lines in STOMP 1.2 escaping, each ended by LF, without the headers that
 * the broker uses up or writes itself. A 1.2 client then gets them as they lie in the journal,
 * whatever version the sender spoke.
 */

import type { Output } from '../shared/output.js';
import {
  BACKSLASH,
  CARRIAGE_RETURN,
  COLON,
  LINE_FEED,
  NO_BYTES,
  rangeHasByte,
  SPACE,
} from './bytes.js';
import { type Frame, TRAIT } from './frame.js';
import { isStored } from './known-headers.js';
import { type StompVersion, VERSION } from './version.js';

const LETTER_C = 0x63;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;
const FIRST_SCRATCH_BYTES = 1024;
/** A larger scratch is let go after the frame that needed it. */
const SCRATCH_BYTES_TO_KEEP = 16 * 1024;

/** Turns the headers of one session's SEND frames into the stored form. */
export class StoredHeaderWriter {
  private scratch = NO_BYTES;
  private length = 0;

  /** Valid until the next call, or as long as the frame: copy it before either ends. */
  write(frame: Frame): Uint8Array {
    const needsEscaping =
      frame.version === VERSION.v10 ||
      (frame.headerTraits & (TRAIT.carriageReturn | TRAIT.colonInValue)) !== 0;
    this.length = 0;
    if (this.scratch.length > SCRATCH_BYTES_TO_KEEP) this.scratch = NO_BYTES;
    return needsEscaping ? this.escaped(frame) : this.copied(frame);
  }

  /** Lines that follow each other are taken as one run; a single run is not even copied. */
  private copied(frame: Frame): Uint8Array {
    const bytes = frame.bytes;
    let runStart = -1;
    let runEnd = -1;
    for (let index = 0; index < frame.headerCount; index++) {
      if (!isStored(frame.knownAt(index))) continue;
      const start = frame.nameStart(index);
      if (runStart !== -1 && start !== runEnd + 1) {
        this.copyLine(bytes, runStart, runEnd);
        runStart = -1;
      }
      if (runStart === -1) runStart = start;
      runEnd = frame.valueEnd(index);
    }
    if (runStart === -1) return this.result();
    if (this.length === 0 && bytes[runEnd] === LINE_FEED) {
      return bytes.subarray(runStart, runEnd + 1);
    }
    this.copyLine(bytes, runStart, runEnd);
    return this.result();
  }

  private escaped(frame: Frame): Uint8Array {
    const escapesBackslash = frame.version === VERSION.v10;
    for (let index = 0; index < frame.headerCount; index++) {
      if (!isStored(frame.knownAt(index))) continue;
      const lineBytes = frame.valueEnd(index) - frame.nameStart(index);
      this.reserve(lineBytes * 2 + 2);
      this.escape(frame.bytes, frame.nameStart(index), frame.nameEnd(index), escapesBackslash);
      this.scratch[this.length++] = COLON;
      this.escape(frame.bytes, frame.valueStart(index), frame.valueEnd(index), escapesBackslash);
      this.scratch[this.length++] = LINE_FEED;
    }
    return this.result();
  }

  private escape(bytes: Uint8Array, start: number, end: number, escapesBackslash: boolean): void {
    const scratch = this.scratch;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number;
      const letter = escapeLetter(byte, escapesBackslash);
      if (letter !== 0) scratch[this.length++] = BACKSLASH;
      scratch[this.length++] = letter === 0 ? byte : letter;
    }
  }

  private copyLine(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start + 1);
    this.scratch.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
    this.scratch[this.length++] = LINE_FEED;
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.scratch.length) return;
    const larger = new Uint8Array(Math.max(needed, this.scratch.length * 2, FIRST_SCRATCH_BYTES));
    larger.set(this.scratch.subarray(0, this.length));
    this.scratch = larger;
  }

  private result(): Uint8Array {
    return this.length === 0 ? NO_BYTES : this.scratch.subarray(0, this.length);
  }
}

/** The letter behind the backslash for a byte that the stored form escapes, else zero. */
function escapeLetter(byte: number, escapesBackslash: boolean): number {
  if (byte === COLON) return LETTER_C;
  if (byte === CARRIAGE_RETURN) return LETTER_R;
  return byte === BACKSLASH && escapesBackslash ? BACKSLASH : 0;
}

/** Appends stored headers as a client of `version` reads them; the output has room for them. */
export function appendStoredHeaders(
  output: Output,
  bytes: Uint8Array,
  start: number,
  end: number,
  version: StompVersion,
): void {
  if (version === VERSION.v12 || !rangeHasByte(bytes, start, end, BACKSLASH)) {
    output.range(bytes, start, end);
  } else if (version === VERSION.v11) {
    appendFor11(output, bytes, start, end);
  } else {
    appendFor10(output, bytes, start, end);
  }
}

/** 1.1 knows all escapes but the one of the carriage return, which it takes as it is. */
function appendFor11(output: Output, bytes: Uint8Array, start: number, end: number): void {
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte !== BACKSLASH) {
      output.byte(byte);
      continue;
    }
    index += 1;
    const letter = bytes[index] as number;
    if (letter === LETTER_R) {
      output.byte(CARRIAGE_RETURN);
    } else {
      output.byte(BACKSLASH);
      output.byte(letter);
    }
  }
}

/** 1.0 has no escapes: values get their plain bytes, but a line break becomes a space; names stay. */
function appendFor10(output: Output, bytes: Uint8Array, start: number, end: number): void {
  let inValue = false;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte === COLON) inValue = true;
    else if (byte === LINE_FEED) inValue = false;
    if (byte !== BACKSLASH || !inValue) {
      output.byte(byte);
      continue;
    }
    index += 1;
    output.byte(plainByteFor10(bytes[index] as number));
  }
}

function plainByteFor10(letter: number): number {
  if (letter === LETTER_C) return COLON;
  return letter === LETTER_N || letter === LETTER_R ? SPACE : BACKSLASH;
}
