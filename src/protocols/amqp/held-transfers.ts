/**
 * Cuts deliveries into transfer frames and keeps those for which the client's session has no window at
 * the moment (OASIS AMQP 1.0, part 2, 2.5.6). The order never changes.
 */
import type { Read } from './composite.js';
import { type ByteRange, type OutgoingTransfer, TRANSFER_BYTES } from './frame-writer.js';
import type { FLOW } from './performatives.js';
import type { SessionHost } from './session-host.js';

interface HeldFrame {
  readonly transfer: OutgoingTransfer;
  readonly more: boolean;
  readonly payload: Uint8Array;
}

export class HeldTransfers {
  /** The number of the next frame, as both sides count them. */
  nextTransferId = 0;
  private readonly host: SessionHost;
  private readonly channel: number;
  /** Frames that the client still takes. */
  private window: number;
  private held: HeldFrame[] = [];
  private onOpen: (() => void) | null = null;

  constructor(host: SessionHost, channel: number, window: number) {
    this.host = host;
    this.channel = channel;
    this.window = window;
  }

  get isBlocked(): boolean {
    return this.window === 0 || this.held.length > 0;
  }

  /** `opened` is called once, when everything held is sent and there is room again. */
  whenOpen(opened: () => void): void {
    this.onOpen = opened;
  }

  send(transfer: OutgoingTransfer, payload: readonly ByteRange[]): void {
    const total = payload.reduce((sum, { start, end }) => sum + end - start, 0);
    const room = this.host.maxFrameBytes - TRANSFER_BYTES;
    if (total <= room && !this.isBlocked) {
      this.write(transfer, false, payload, total);
      return;
    }
    const whole = Buffer.concat(payload.map(({ bytes, start, end }) => bytes.subarray(start, end)));
    for (let at = 0; at < total; at += room) {
      const part = whole.subarray(at, Math.min(at + room, total));
      this.sendPart({ transfer, more: at + room < total, payload: part });
    }
  }

  onFlow(flow: Read<typeof FLOW>): void {
    const seen = flow.nextIncomingId ?? 0;
    this.window = Math.max(0, (seen + flow.incomingWindow - this.nextTransferId) | 0);
    while (this.window > 0 && this.held.length > 0) this.writePart(this.held.shift() as HeldFrame);
    if (this.isBlocked) return;
    const opened = this.onOpen;
    this.onOpen = null;
    opened?.();
  }

  private sendPart(part: HeldFrame): void {
    if (this.isBlocked) this.held.push(part);
    else this.writePart(part);
  }

  private writePart({ transfer, more, payload }: HeldFrame): void {
    this.write(transfer, more, [{ bytes: payload, start: 0, end: payload.length }], payload.length);
  }

  private write(
    transfer: OutgoingTransfer,
    more: boolean,
    payload: readonly ByteRange[],
    total: number,
  ): void {
    this.window -= 1;
    this.nextTransferId = (this.nextTransferId + 1) >>> 0;
    const output = this.host.frames.transfer(this.channel, transfer, more, total);
    for (const { bytes, start, end } of payload) output.range(bytes, start, end);
  }
}
