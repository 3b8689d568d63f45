/**
 * Bytes to frames, for any split of the stream (STOMP 1.2, "Augmented BNF", and its 1.0 and 1.1
 * counterparts). A frame that lies within one chunk is decoded in place. Only the remainder of an
 * unfinished one is kept, in a buffer that grows with what was really received and never beyond
 * the limits, which are checked before anything is buffered.
 */
import {
  BACKSLASH,
  CARRIAGE_RETURN,
  COLON,
  decimalInRange,
  LINE_FEED,
  NO_BYTES,
  SPACE,
} from './bytes.js';
import {
  type Command,
  commandInRange,
  commandName,
  isNeverEscaped,
  MAX_COMMAND_BYTES,
  mayHaveBody,
} from './commands.js';
import { checkEscapes } from './escaping.js';
import { endsLinesWithCarriageReturn, Frame, TRAIT } from './frame.js';
import {
  badContentLength,
  checkUtf8,
  longerThanContentLength,
  malformedLine,
  nulInHeaders,
  strayCarriageReturn,
  unexpectedBody,
  unknownCommand,
} from './frame-faults.js';
import { HEADER, knownHeaderInRange } from './known-headers.js';
import { limitExceeded } from './stomp-error.js';
import { type StompVersion, VERSION } from './version.js';

export interface FrameLimits {
  /** All header lines of one frame together, and so also each of them. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxBodyBytes: number;
}

const PHASE = {
  betweenFrames: 0,
  commandLine: 1,
  headerLines: 2,
  countedBody: 3,
  bodyToNul: 4,
} as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];

/** What is taken from a chunk at a time while the end of a kept header section is unknown. */
const HEADER_STEP_BYTES = 512;
const FIRST_PENDING_BYTES = 1024;
/** A client that only says that its frame is long makes nobody reserve more than so many times what it sent. */
const KNOWN_PARTS = 4;
/** A larger buffer is let go after its frame, so that idle connections hold little. */
const PENDING_BYTES_TO_KEEP = 4096;

const TRAIT_OF_BYTE = new Uint8Array(256).fill(TRAIT.nonAscii, 128);
TRAIT_OF_BYTE[LINE_FEED] = TRAIT.lineEnd;
TRAIT_OF_BYTE[COLON] = TRAIT.colon;
TRAIT_OF_BYTE[CARRIAGE_RETURN] = TRAIT.carriageReturn;
TRAIT_OF_BYTE[BACKSLASH] = TRAIT.backslash;
TRAIT_OF_BYTE[0] = TRAIT.nul;

export class FrameDecoder {
  /** Set it when CONNECT or CONNECTED settled it; it holds from the next frame on. */
  version: StompVersion | null = null;
  /** Frames begun so far; with `midFrame` it tells whether the same frame is still under way. */
  framesBegun = 0;
  readonly frame = new Frame();
  /** Set while a frame is handed out: nothing behind it is taken until it is false again. */
  isPaused = false;

  private phase: Phase = PHASE.betweenFrames;
  private stopped = false;
  private pending: Uint8Array = NO_BYTES;
  private pendingLength = 0;

  // Offsets into the bytes that are being read: a chunk, or `pending`.
  private cursor = 0;
  private frameStart = 0;
  private headersStart = 0;
  private lineStart = 0;
  /** Of this line, -1 when there was none yet. */
  private colonAt = -1;
  private firstCarriageReturnAt = -1;
  private lineTraits = 0;

  private readonly limits: FrameLimits;
  private readonly onFrame: (frame: Frame) => void;

  constructor(limits: FrameLimits, onFrame: (frame: Frame) => void) {
    this.limits = limits;
    this.onFrame = onFrame;
  }

  get midFrame(): boolean {
    return this.phase !== PHASE.betweenFrames;
  }

  /** Bytes held for an unfinished frame; for tests of the limits. */
  get bufferedBytes(): number {
    return this.pending.length;
  }

  /** Everything that comes from now on is ignored. May be called while a frame is handed out. */
  stop(): void {
    this.stopped = true;
    this.pending = NO_BYTES;
    this.pendingLength = 0;
  }

  /**
   * Returns how much of `chunk` was taken: less than all of it only after `pause`. Throws a StompError for
   * anything wrong; the connection is then beyond repair.
   */
  push(chunk: Uint8Array): number {
    let offset = 0;
    while (offset < chunk.length && !this.stopped && !this.isPaused) {
      offset =
        this.pendingLength > 0
          ? this.continuePending(chunk, offset)
          : this.readChunk(chunk, offset);
    }
    return offset;
  }

  /** Reads all whole frames from `offset` on and keeps the rest. */
  private readChunk(chunk: Uint8Array, offset: number): number {
    this.cursor = offset;
    this.frame.bytes = chunk;
    while (this.advance(chunk, chunk.length)) {
      this.onFrame(this.frame);
      if (this.stopped) return chunk.length;
      if (this.isPaused) return this.cursor;
      this.frame.bytes = chunk;
    }
    if (this.phase !== PHASE.betweenFrames) {
      const start = this.frameStart;
      this.append(chunk, start, chunk.length);
      this.shift(start);
    }
    return chunk.length;
  }

  /** Takes from `chunk` no more than the unfinished frame can need, and returns how far that was. */
  private continuePending(chunk: Uint8Array, offset: number): number {
    const end = this.endOfNextPiece(chunk, offset);
    const lengthBefore = this.pendingLength;
    this.append(chunk, offset, end);
    if (!this.advance(this.pending, this.pendingLength)) return end;
    const consumed = this.cursor - lengthBefore;
    const pending = this.pending;
    this.pendingLength = 0;
    if (pending.length > PENDING_BYTES_TO_KEEP) this.pending = NO_BYTES;
    this.onFrame(this.frame);
    return offset + consumed;
  }

  private endOfNextPiece(chunk: Uint8Array, offset: number): number {
    if (this.phase === PHASE.countedBody) {
      return Math.min(chunk.length, offset + this.frame.bodyEnd + 1 - this.pendingLength);
    }
    if (this.phase === PHASE.bodyToNul) {
      const nulAt = chunk.indexOf(0, offset);
      const end = nulAt === -1 ? chunk.length : nulAt + 1;
      this.checkBodyBytes(this.pendingLength - this.frame.bodyStart + (end - offset) - 1);
      return end;
    }
    return Math.min(chunk.length, offset + HEADER_STEP_BYTES);
  }

  private append(source: Uint8Array, start: number, end: number): void {
    const needed = this.pendingLength + (end - start);
    if (needed > this.pending.length) {
      const larger = new Uint8Array(Math.max(this.bytesToReserve(start, needed), needed));
      larger.set(this.pending.subarray(0, this.pendingLength));
      this.pending = larger;
    }
    this.pending.set(source.subarray(start, end), this.pendingLength);
    this.pendingLength = needed;
    this.frame.bytes = this.pending;
  }

  /** Twice as much each time, and as soon as a good part of a frame whose length is known is there, all of it. */
  private bytesToReserve(start: number, needed: number): number {
    const doubled = Math.max(FIRST_PENDING_BYTES, this.pending.length * 2);
    if (this.phase !== PHASE.countedBody) return doubled;
    const whole = this.frame.bodyEnd + 1 - (this.pendingLength === 0 ? start : 0);
    return needed * KNOWN_PARTS >= whole ? whole : Math.min(doubled, whole);
  }

  private shift(distance: number): void {
    this.cursor -= distance;
    this.frameStart -= distance;
    this.headersStart -= distance;
    this.lineStart -= distance;
    if (this.colonAt !== -1) this.colonAt -= distance;
    if (this.firstCarriageReturnAt !== -1) this.firstCarriageReturnAt -= distance;
    this.frame.shift(distance);
  }

  /** True when the cursor stands behind a whole frame; false when more bytes are needed. */
  private advance(bytes: Uint8Array, end: number): boolean {
    if (this.phase === PHASE.betweenFrames && !this.skipLineEnds(bytes, end)) return false;
    if (this.phase === PHASE.commandLine && !this.readCommandLine(bytes, end)) return false;
    if (this.phase === PHASE.headerLines && !this.readHeaderLines(bytes, end)) return false;
    return this.readBody(bytes, end);
  }

  /**
   * Between frames there may be line ends, which also are the heart-beats. Carriage returns are
   * taken in every version here: a client may send CR LF behind its CONNECT before it knows that
   * 1.1 was chosen.
   */
  private skipLineEnds(bytes: Uint8Array, end: number): boolean {
    let position = this.cursor;
    while (position < end) {
      const byte = bytes[position];
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) break;
      position += 1;
    }
    this.cursor = position;
    if (position === end) return false;
    this.frameStart = position;
    this.framesBegun += 1;
    this.frame.reset(this.version);
    this.phase = PHASE.commandLine;
    return true;
  }

  private readCommandLine(bytes: Uint8Array, end: number): boolean {
    const lastAllowed = this.frameStart + MAX_COMMAND_BYTES;
    let position = this.cursor;
    while (position < end && bytes[position] !== LINE_FEED && position < lastAllowed) {
      position += 1;
    }
    this.cursor = position;
    if (position === end && position < lastAllowed) return false;
    let nameEnd = position;
    if (
      endsLinesWithCarriageReturn(this.version) &&
      nameEnd > this.frameStart &&
      bytes[nameEnd - 1] === CARRIAGE_RETURN
    ) {
      nameEnd -= 1;
    }
    const command = commandInRange(bytes, this.frameStart, nameEnd);
    if (command === undefined || bytes[position] !== LINE_FEED) {
      throw unknownCommand(bytes.subarray(this.frameStart, Math.min(nameEnd, lastAllowed)));
    }
    this.frame.command = command;
    this.cursor = position + 1;
    this.headersStart = this.cursor;
    this.beginLine(this.cursor);
    this.phase = PHASE.headerLines;
    return true;
  }

  private beginLine(position: number): void {
    this.lineStart = position;
    this.colonAt = -1;
    this.firstCarriageReturnAt = -1;
    this.lineTraits = 0;
  }

  /** The hot loop: one table look-up and one branch for nearly every byte. */
  private readHeaderLines(bytes: Uint8Array, end: number): boolean {
    for (let position = this.cursor; position < end; position++) {
      const trait = TRAIT_OF_BYTE[bytes[position] as number] as number;
      if (trait === 0) continue;
      if (trait === TRAIT.lineEnd) {
        if (this.endLine(bytes, position)) return true;
      } else if (trait === TRAIT.colon) {
        if (this.colonAt === -1) this.colonAt = position;
        else this.lineTraits |= TRAIT.colonInValue;
      } else {
        if (trait === TRAIT.carriageReturn && this.firstCarriageReturnAt === -1) {
          this.firstCarriageReturnAt = position;
        }
        if (trait === TRAIT.nul) {
          this.checkHeaderBytes(position);
          throw nulInHeaders(this.frame.command);
        }
        this.lineTraits |= trait;
      }
    }
    this.cursor = end;
    // What may be the empty line is not counted: where a chunk ends must make no difference.
    if (end - this.lineStart > 1) this.checkHeaderBytes(end);
    return false;
  }

  /** `position` is that of the line feed. True when it was the empty line behind the headers. */
  private endLine(bytes: Uint8Array, position: number): boolean {
    let lineEnd = position;
    if (this.lineTraits & TRAIT.carriageReturn) {
      if (endsLinesWithCarriageReturn(this.version)) {
        lineEnd = position - 1;
        if (this.firstCarriageReturnAt !== lineEnd) {
          this.checkHeaderBytes(position);
          throw strayCarriageReturn(this.frame.command);
        }
        this.lineTraits &= ~TRAIT.carriageReturn;
      }
    }
    if (lineEnd === this.lineStart) {
      this.endHeaders(bytes, position + 1);
      return true;
    }
    this.checkHeaderBytes(position);
    this.addHeader(bytes, lineEnd);
    this.beginLine(position + 1);
    return false;
  }

  private addHeader(bytes: Uint8Array, lineEnd: number): void {
    const frame = this.frame;
    if (this.colonAt <= this.lineStart) throw malformedLine(frame.command, this.version);
    if (frame.headerCount === this.limits.maxHeaders) {
      throw limitExceeded(
        `Header lines of ${commandName(frame.command)}`,
        this.limits.maxHeaders,
        'stomp.maxHeaders',
      );
    }
    const nameEnd = this.colonAt;
    let valueStart = nameEnd + 1;
    let valueEnd = lineEnd;
    if (this.version === VERSION.v10) {
      // Only 1.0 lets peers pad values; from 1.1 on every space belongs to the value.
      while (valueStart < valueEnd && bytes[valueStart] === SPACE) valueStart += 1;
      while (valueEnd > valueStart && bytes[valueEnd - 1] === SPACE) valueEnd -= 1;
    } else if (this.lineTraits & TRAIT.backslash && this.escapesHold(frame.command)) {
      checkEscapes(bytes, this.lineStart, lineEnd, this.version as StompVersion);
    }
    frame.headerTraits |= this.lineTraits;
    const known = knownHeaderInRange(bytes, this.lineStart, nameEnd);
    frame.addHeader(this.lineStart, nameEnd, valueStart, valueEnd, known);
  }

  private escapesHold(command: Command): boolean {
    return this.version !== null && !isNeverEscaped(command);
  }

  private endHeaders(bytes: Uint8Array, bodyStart: number): void {
    const frame = this.frame;
    if (frame.headerTraits & TRAIT.nonAscii) {
      checkUtf8(frame.command, bytes.subarray(this.headersStart, bodyStart));
    }
    this.cursor = bodyStart;
    frame.bodyStart = bodyStart;
    frame.bodyEnd = bodyStart;
    const index = frame.indexOf(HEADER.contentLength);
    if (index === -1) {
      this.phase = PHASE.bodyToNul;
      return;
    }
    const length = decimalInRange(bytes, frame.valueStart(index), frame.valueEnd(index));
    if (length < 0) {
      throw badContentLength(frame.command);
    }
    this.checkBodyBytes(length);
    frame.bodyEnd = bodyStart + length;
    this.phase = PHASE.countedBody;
  }

  private readBody(bytes: Uint8Array, end: number): boolean {
    const frame = this.frame;
    if (this.phase === PHASE.countedBody) {
      if (frame.bodyEnd >= end) return false;
      if (bytes[frame.bodyEnd] !== 0) {
        throw longerThanContentLength(frame.command);
      }
    } else {
      const rest = end === bytes.length ? bytes : bytes.subarray(0, end);
      const nulAt = rest.indexOf(0, this.cursor);
      this.checkBodyBytes((nulAt === -1 ? end : nulAt) - frame.bodyStart);
      this.cursor = end;
      if (nulAt === -1) return false;
      frame.bodyEnd = nulAt;
    }
    this.cursor = frame.bodyEnd + 1;
    this.phase = PHASE.betweenFrames;
    return true;
  }

  private checkHeaderBytes(position: number): void {
    if (position - this.headersStart <= this.limits.maxHeaderBytes) return;
    throw limitExceeded(
      `Header bytes of ${commandName(this.frame.command)}`,
      this.limits.maxHeaderBytes,
      'stomp.maxHeaderBytes',
    );
  }

  private checkBodyBytes(length: number): void {
    const command = this.frame.command;
    if (!mayHaveBody(command)) {
      if (length === 0) return;
      throw unexpectedBody(command);
    }
    if (length <= this.limits.maxBodyBytes) return;
    throw limitExceeded(
      `Body bytes of ${commandName(command)}`,
      this.limits.maxBodyBytes,
      'stomp.maxBodyBytes',
    );
  }
}
