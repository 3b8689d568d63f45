/**
 * In front of nearly everything that a connection costs: while an address floods this node with wrong
 * passwords, its new connections are left unread for a while and closed without a word. A guess then
 * costs what an accepted connection does, and who waits for the answer guesses slowly.
 */
import type { Clock, Socket } from '../platform/ports.js';

const HELD_FOR_MS = 1_000;
/** Of all addresses; what comes beyond is closed at once. */
const MAX_HELD = 1_000;

export class FloodGate {
  private readonly clock: Clock;
  private readonly isFlooding: (remoteAddress: string) => boolean;
  private held = 0;

  constructor(clock: Clock, isFlooding: (remoteAddress: string) => boolean) {
    this.clock = clock;
    this.isFlooding = isFlooding;
  }

  /** True when it has taken the socket, which nobody else may touch until it is closed, or handed to `afterwards`. */
  takes(socket: Socket, afterwards = (): void => socket.destroy()): boolean {
    if (!this.isFlooding(socket.remoteAddress)) return false;
    if (this.held >= MAX_HELD) {
      socket.destroy();
      return true;
    }
    this.held += 1;
    socket.pauseReading();
    this.clock.after(HELD_FOR_MS, () => {
      this.held -= 1;
      afterwards();
    });
    return true;
  }
}
