/**
 * One direction of a connection: bytes in their order, at any later time and in any pieces, with
 * what the kernels at both ends do. What was sent while the link is cut arrives after it is healed,
 * unless the sender has given up by then.
 */
import type { SimulatedThread } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Link } from './link.js';

/** Send buffer of the one kernel and receive window of the other: what is beyond waits in the process. */
const KERNEL_BYTES = 80 * 1024;
/** What one read from the kernel brings at most. */
const READ_BYTES = 64 * 1024;
/** TCP's timeout for data that nobody acknowledges; real ones are longer and change nothing else. */
const GIVE_UP_MS = 15_000;
const SPLIT_CHANCE = 0.15;
/** After a heal the next retransmission is due within this, later the longer the cut was. */
const RETRANSMISSION_MS = { least: 5, most: 1_000 } as const;
/** What a buffer holds that was read: whoever kept it instead of a copy finds only this. */
const POISON = 0xdb;

/** How a direction ends: after everything before it was read, or as an error. */
export type StreamEnd = 'finished' | 'reset';

/** The socket whose writes go in. */
export interface StreamWriter {
  /** Something was read at the other end. */
  onTaken(): void;
  /** The connection failed. */
  breakOff(): void;
}

/** The socket that reads what comes out. */
export interface StreamReader {
  readonly thread: SimulatedThread;
  readonly isReading: boolean;
  onBytes(bytes: Uint8Array): void;
  onEnd(end: StreamEnd): void;
}

interface Segment {
  readonly bytes: Uint8Array;
  readonly end: StreamEnd | null;
  /** Of `bytes`, already read. */
  readBytes: number;
  /** Infinity while it is not under way. */
  arrivesAtMs: number;
}

const NO_BYTES = new Uint8Array(0);

export interface StreamSurroundings {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  /** One for all: it is valid only while it is being read. */
  readonly readBuffer: Uint8Array;
}

export function makeReadBuffer(): Uint8Array {
  return new Uint8Array(READ_BYTES);
}

export class Stream {
  readonly writer: StreamWriter;
  readonly reader: StreamReader;
  readonly #surroundings: StreamSurroundings;
  readonly #link: Link;
  /** The way that acknowledgements of received segments take. */
  readonly #back: Link;
  #segments: Segment[] = [];
  #unreadBytes = 0;
  #lastArrivalMs = 0;
  #isReadScheduled = false;
  /** Nobody will ever read what comes. */
  #isReaderGone = false;
  /** Since when something is unacknowledged that cannot be; -1 when nothing is. */
  #stuckSinceMs = -1;
  #isGiveUpScheduled = false;

  constructor(
    writer: StreamWriter,
    reader: StreamReader,
    links: { readonly forward: Link; readonly back: Link },
    surroundings: StreamSurroundings,
  ) {
    this.writer = writer;
    this.reader = reader;
    this.#link = links.forward;
    this.#back = links.back;
    this.#surroundings = surroundings;
  }

  /** What neither kernel has room for. */
  get bufferedBytes(): number {
    return Math.max(0, this.#unreadBytes - KERNEL_BYTES);
  }

  get hasUnread(): boolean {
    return this.#unreadBytes > 0;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#unreadBytes += bytes.length;
    if (this.#isReaderGone) {
      this.#answerWithReset();
      return;
    }
    const { random } = this.#surroundings;
    if (bytes.length > 1 && random.chance(SPLIT_CHANCE)) {
      const at = random.whole(1, bytes.length - 1);
      this.#send(bytes.subarray(0, at), null);
      this.#send(bytes.subarray(at), null);
    } else {
      this.#send(bytes, null);
    }
  }

  /** Nothing comes after it. */
  end(end: StreamEnd): void {
    if (!this.#isReaderGone) this.#send(NO_BYTES, end);
  }

  /** The process of the writer is gone, and with it what its kernel had not taken. */
  dropBuffered(): void {
    let excess = this.bufferedBytes;
    this.#unreadBytes -= excess;
    while (excess > 0) {
      const last = this.#segments.pop() as Segment;
      const dropped = Math.min(excess, last.bytes.length - last.readBytes);
      excess -= dropped;
      const kept = last.bytes.length - dropped;
      if (kept > 0) this.#segments.push({ ...last, bytes: last.bytes.subarray(0, kept) });
    }
  }

  /** The writer's host is gone: only what is under way still arrives. */
  dropUnsent(): void {
    this.#segments = this.#segments.filter(({ arrivesAtMs }) => arrivesAtMs < Infinity);
  }

  /** The reader is closed or dead. */
  closeReader(): void {
    this.#isReaderGone = true;
    this.#segments.length = 0;
  }

  /** The reader wants what has arrived: at the beginning, and after a pause. */
  wakeReader(): void {
    this.#scheduleRead();
  }

  /** Bytes that were read, to be read again before all others. */
  putBack(bytes: Uint8Array): void {
    const arrivesAtMs = this.#surroundings.scheduler.nowMs;
    this.#segments.unshift({ bytes, end: null, readBytes: 0, arrivesAtMs });
    this.#unreadBytes += bytes.length;
  }

  linkChanged(): void {
    if (this.#link.isOpen) this.#retransmit();
    else this.#interrupt();
    if (this.#link.isOpen && this.#back.isOpen) this.#stuckSinceMs = -1;
  }

  #send(bytes: Uint8Array, end: StreamEnd | null): void {
    const { scheduler } = this.#surroundings;
    if (!this.#link.isOpen) {
      this.#segments.push({ bytes, end, readBytes: 0, arrivesAtMs: Infinity });
      this.#stuck();
      return;
    }
    if (!this.#back.isOpen) this.#stuck();
    const arrivesAtMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + this.#link.drawLatencyMs());
    this.#lastArrivalMs = arrivesAtMs;
    this.#segments.push({ bytes, end, readBytes: 0, arrivesAtMs });
    this.#scheduleRead();
  }

  #scheduleRead(): void {
    const next = this.#segments[0];
    if (this.#isReadScheduled || next === undefined || next.arrivesAtMs === Infinity) return;
    this.#isReadScheduled = true;
    const delayMs = next.arrivesAtMs - this.#surroundings.scheduler.nowMs;
    this.reader.thread.run(delayMs, this.#read);
  }

  readonly #read = (): void => {
    this.#isReadScheduled = false;
    if (!this.reader.isReading) return;
    const { readBuffer } = this.#surroundings;
    const count = this.#take(readBuffer);
    if (count > 0) {
      this.#unreadBytes -= count;
      this.writer.onTaken();
      this.reader.onBytes(readBuffer.subarray(0, count));
      readBuffer.fill(POISON, 0, count);
    }
    const next = this.#segments[0];
    if (
      next !== undefined &&
      next.end !== null &&
      this.#hasArrived(next) &&
      this.reader.isReading
    ) {
      this.#segments.length = 0;
      this.reader.onEnd(next.end);
    }
    this.#scheduleRead();
  };

  /** Everything that has arrived, as far as there is room for it. */
  #take(into: Uint8Array): number {
    let count = 0;
    let done = 0;
    for (const segment of this.#segments) {
      const { bytes, readBytes } = segment;
      if (segment.end !== null || count === into.length || !this.#hasArrived(segment)) break;
      const room = into.length - count;
      if (bytes.length - readBytes > room) {
        into.set(bytes.subarray(readBytes, readBytes + room), count);
        segment.readBytes += room;
        count += room;
        break;
      }
      into.set(readBytes === 0 ? bytes : bytes.subarray(readBytes), count);
      count += bytes.length - readBytes;
      done += 1;
    }
    if (done === this.#segments.length) this.#segments.length = 0;
    else if (done > 0) this.#segments.splice(0, done);
    return count;
  }

  #hasArrived(segment: Segment): boolean {
    return segment.arrivesAtMs <= this.#surroundings.scheduler.nowMs;
  }

  /** What is under way is lost and will be sent again. */
  #interrupt(): void {
    for (const segment of this.#segments) {
      if (this.#hasArrived(segment)) continue;
      segment.arrivesAtMs = Infinity;
      this.#stuck();
    }
  }

  #retransmit(): void {
    const { scheduler, random } = this.#surroundings;
    if (this.#isReaderGone) {
      if (this.#stuckSinceMs >= 0) this.#answerWithReset();
      return;
    }
    const waitedMs = this.#stuckSinceMs < 0 ? 0 : scheduler.nowMs - this.#stuckSinceMs;
    const { least, most } = RETRANSMISSION_MS;
    const delayMs = random.between(least, Math.min(most, least + waitedMs));
    const resumesAtMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + delayMs);
    for (const segment of this.#segments) {
      if (segment.arrivesAtMs !== Infinity) continue;
      segment.arrivesAtMs = resumesAtMs;
      this.#lastArrivalMs = resumesAtMs;
    }
    this.#scheduleRead();
  }

  /** The host of the reader knows no such connection. */
  #answerWithReset(): void {
    if (!this.#link.isOpen || !this.#back.isOpen) {
      this.#stuck();
      return;
    }
    const delayMs = this.#link.drawLatencyMs() + this.#back.drawLatencyMs();
    this.#surroundings.scheduler.schedule(delayMs, () => this.writer.breakOff());
  }

  #stuck(): void {
    if (this.#stuckSinceMs < 0) this.#stuckSinceMs = this.#surroundings.scheduler.nowMs;
    this.#scheduleGiveUp(GIVE_UP_MS);
  }

  #scheduleGiveUp(delayMs: number): void {
    if (this.#isGiveUpScheduled) return;
    this.#isGiveUpScheduled = true;
    const { scheduler } = this.#surroundings;
    scheduler.schedule(delayMs, () => {
      this.#isGiveUpScheduled = false;
      if (this.#stuckSinceMs < 0) return;
      const leftMs = this.#stuckSinceMs + GIVE_UP_MS - scheduler.nowMs;
      if (leftMs > 0) this.#scheduleGiveUp(leftMs);
      else this.writer.breakOff();
    });
  }
}
