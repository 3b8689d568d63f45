import type { Socket, SocketEvents } from '../../../../src/platform/ports.js';

/** A socket whose other end the test holds. */
export class FakeSocket implements Socket {
  remoteAddress = '10.0.0.5:51234';
  bufferedBytes = 0;
  writes = 0;
  ended = false;
  destroyed = false;
  paused = false;
  /** When false, what is written stays in the socket's buffer. */
  takesBytes = true;
  private readonly written: Uint8Array[] = [];
  private events: SocketEvents | undefined;

  write(bytes: Uint8Array): void {
    this.writes += 1;
    this.written.push(bytes);
    if (!this.takesBytes) this.bufferedBytes += bytes.length;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.events?.onClose();
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  peek(): Promise<void> {
    return Promise.resolve();
  }

  receive(events: SocketEvents): void {
    this.events = events;
  }

  push(bytes: Uint8Array): void {
    this.events?.onData(bytes);
  }

  drain(): void {
    this.bufferedBytes = 0;
    this.events?.onDrain();
  }

  /** Everything written since the last call. */
  takeBytes(): Uint8Array {
    return Buffer.concat(this.written.splice(0));
  }

  /** The same as text, with NUL shown as `^@`. */
  takeText(): string {
    return Buffer.from(this.takeBytes()).toString().replaceAll('\0', '^@');
  }
}
