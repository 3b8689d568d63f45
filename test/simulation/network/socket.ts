/**
 * One end of a connection, as the product's sockets over `node:net` behave: a peer that ends is
 * answered with an end, and `onClose` comes once when both directions are over or one is broken.
 */
import type { Socket, SocketEvents } from '../../../src/platform/ports.js';
import type { SimulatedThread } from '../kernel/process.js';
import type { Stream, StreamEnd, StreamReader, StreamWriter } from './stream.js';

const HIGH_WATER_MARK_BYTES = 64 * 1024;
/** To the next turn of the event loop. */
const TURN_MS = 0.005;

export class SimulatedSocket implements Socket, StreamReader, StreamWriter {
  readonly thread: SimulatedThread;
  remoteAddress: string;
  readonly #onClosed: () => void;
  #outgoing!: Stream;
  #incoming!: Stream;
  #events: SocketEvents | null = null;
  #isPaused = false;
  #isEnding = false;
  #hasPeerEnded = false;
  #isClosed = false;
  #needsDrain = false;

  /** `onClosed`: when its host knows nothing of it any more. */
  constructor(thread: SimulatedThread, remoteAddress: string, onClosed: () => void) {
    this.thread = thread;
    this.remoteAddress = remoteAddress;
    this.#onClosed = onClosed;
  }

  join(outgoing: Stream, incoming: Stream): void {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  // What its process calls.

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#outgoing.bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnding || this.#isClosed) return;
    if (this.bufferedBytes + bytes.length >= HIGH_WATER_MARK_BYTES) this.#needsDrain = true;
    this.#outgoing.write(bytes);
    if (this.#needsDrain) this.onTaken();
  }

  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    this.#outgoing.end('finished');
    this.#closeWhenOver();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.closeByKernel();
    this.#tellClosed();
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.isReading) this.#incoming.wakeReader();
  }

  peek(look: (bytes: Uint8Array) => number | null, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      let first = new Uint8Array(0);
      const finish = (taken: number): void => {
        timer.cancel();
        this.#events = null;
        if (taken < first.length && !this.#isClosed) this.#incoming.putBack(first.subarray(taken));
        resolve();
      };
      const timer = this.thread.run(limitMs, () => finish(0));
      this.receive({
        onData(bytes) {
          first = new Uint8Array([...first, ...bytes]);
          const taken = look(first);
          if (taken !== null) finish(taken);
        },
        onDrain: () => undefined,
        onClose: () => finish(0),
      });
    });
  }

  receive(events: SocketEvents): void {
    this.#events = events;
    if (this.#isClosed) this.#tellClosed();
    else this.#incoming.wakeReader();
  }

  // What the streams call.

  get isReading(): boolean {
    return this.#events !== null && !this.#isPaused && !this.#hasPeerEnded && !this.#isClosed;
  }

  onBytes(bytes: Uint8Array): void {
    this.#events?.onData(bytes);
  }

  onEnd(end: StreamEnd): void {
    if (end === 'reset') {
      this.#close();
      this.#tellClosed();
      return;
    }
    this.#hasPeerEnded = true;
    this.end();
    this.#closeWhenOver();
  }

  /** The peer has read something: there may be room again. */
  onTaken(): void {
    if (this.#isClosed || this.#outgoing.bufferedBytes > 0) return;
    if (this.#needsDrain) {
      this.#needsDrain = false;
      this.thread.run(TURN_MS, () => {
        if (!this.#isClosed) this.#events?.onDrain();
      });
    }
    if (this.#hasPeerEnded) this.thread.run(TURN_MS, () => this.#closeWhenOver());
  }

  // What the network calls.

  /** The connection failed: nothing more is sent or received. */
  breakOff(): void {
    this.thread.run(0, () => {
      if (this.#isClosed) return;
      this.#outgoing.dropUnsent();
      this.#close();
      this.#tellClosed();
    });
  }

  /** close(2), by the process or at its end. The kernel still sends what it took. */
  closeByKernel(): void {
    if (this.#isClosed) return;
    const isRead = !this.#incoming.hasUnread;
    this.#outgoing.dropBuffered();
    if (!this.#isEnding || !isRead) this.#outgoing.end(isRead ? 'finished' : 'reset');
    this.#close();
  }

  /** The host lost its power. */
  vanish(): void {
    if (this.#isClosed) return;
    this.#outgoing.dropUnsent();
    this.#close();
  }

  /** `finished` is only waited for as long as the kernel has no room for it. */
  #closeWhenOver(): void {
    if (this.#isClosed || !this.#isEnding || !this.#hasPeerEnded) return;
    if (this.#outgoing.bufferedBytes > 0) return;
    this.#close();
    this.#tellClosed();
  }

  #close(): void {
    this.#isClosed = true;
    this.#incoming.closeReader();
    this.#onClosed();
  }

  #tellClosed(): void {
    const events = this.#events;
    if (events !== null) this.thread.run(TURN_MS, () => events.onClose());
  }
}
