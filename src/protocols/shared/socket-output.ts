/**
 * How what a connection has to say gets into its socket: gathered, and handed over once per turn of the event
 * loop; no more than the client takes, of which the broker is told; and to the last byte when it ends.
 */
import type { Clock, Socket, Timer } from '../../platform/ports.js';
import { Output } from './output.js';

/** How long a client may take to read the last frame and close, once this side has nothing more to say. */
const CLOSE_LINGER_MS = 5_000;

export interface SocketOutputOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  /** More does not wait for a client: the broker keeps it. */
  readonly maxWaitingBytes: number;
  /** Appends what was left for the end of the turn. */
  readonly beforeFlush: () => void;
  readonly afterFlush: () => void;
  /** As the broker is told. */
  readonly isWritable: () => boolean;
  /** The broker was told that nothing can be written, and now something can. */
  readonly onWritable: () => void;
}

export class SocketOutput {
  readonly gathered: Output;
  private readonly options: SocketOutputOptions;
  private readonly socket: Socket;
  private readonly maxWaitingBytes: number;
  private flushIsDue = false;
  /** The broker was told that nothing can be written. */
  private wasUnwritable = false;
  private isOver = false;

  constructor(options: SocketOutputOptions) {
    const { socket } = options;
    this.options = options;
    this.socket = socket;
    this.maxWaitingBytes = options.maxWaitingBytes;
    this.gathered = new Output((bytes) => socket.write(bytes));
  }

  /** Not taken by the client yet, or not even handed to the socket. */
  get waitingBytes(): number {
    return this.socket.bufferedBytes + this.gathered.gatheredBytes;
  }

  /** Whether more may wait for the client. If not, `onWritable` is called when it may again. */
  takesMore(): boolean {
    if (this.socket.bufferedBytes + this.gathered.gatheredBytes <= this.maxWaitingBytes) {
      return true;
    }
    this.wasUnwritable = true;
    return false;
  }

  /** For another reason the broker is told that nothing can be written. */
  refuses(): void {
    this.wasUnwritable = true;
  }

  flushSoon(): void {
    if (this.flushIsDue) return;
    this.flushIsDue = true;
    this.options.clock.soon(this.flush);
  }

  /** Lets the broker go on if it was told that nothing can be written. */
  offerDelivery(): void {
    if (!this.wasUnwritable || !this.options.isWritable()) return;
    this.wasUnwritable = false;
    this.options.onWritable();
  }

  /** Hands over what is gathered and nothing after it; the client has some time to read it, until the timer. */
  end(): Timer {
    const { socket } = this;
    this.isOver = true;
    this.gathered.flush();
    socket.resumeReading();
    socket.end();
    return this.options.clock.after(CLOSE_LINGER_MS, () => socket.destroy());
  }

  /** The socket is gone. */
  stop(): void {
    this.isOver = true;
  }

  private readonly flush = (): void => {
    if (this.isOver) return;
    this.options.beforeFlush();
    this.flushIsDue = false;
    this.gathered.flush();
    this.options.afterFlush();
    this.offerDelivery();
  };
}
