/**
 * Cuts deliveries into transfer frames and keeps those for which the client's session has no window at
 * the moment (OASIS AMQP 1.0, part 2, 2.5.6). The order never changes.
 */
import type { Read } from './composite.js';
import { type ByteRange, TRANSFER_BYTES } from './frame-writer.js';
import type { FLOW } from './performatives.js';
import { difference, next } from './serial-number.js';
import type { SessionHost } from './session-host.js';

/** A delivery on its way out. */
export interface PendingDelivery {
  readonly handle: number;
  readonly settled: boolean;
  /** Called once, right before its first frame: ids are taken in the order of frames, without a gap. */
  readonly takeId: () => number;
}

interface Outgoing extends PendingDelivery {
  deliveryId: number | null;
  /** What is not sent yet begins here. */
  sentBytes: number;
  readonly payload: Uint8Array;
}

export class HeldTransfers {
  /** The number of the next frame, as both sides count them. */
  nextTransferId = 0;
  private readonly host: SessionHost;
  private readonly channel: number;
  /** Frames that the client still takes. */
  private window: number;
  private held: Outgoing[] = [];

  constructor(host: SessionHost, channel: number, window: number) {
    this.host = host;
    this.channel = channel;
    this.window = window;
  }

  get isBlocked(): boolean {
    return this.window === 0 || this.held.length > 0;
  }

  send(delivery: PendingDelivery, payload: readonly ByteRange[]): void {
    const total = payload.reduce((sum, { start, end }) => sum + end - start, 0);
    if (total <= this.room && !this.isBlocked) {
      this.write(delivery, delivery.takeId(), false, payload, total);
      return;
    }
    const parts = payload.map(({ bytes, start, end }) => bytes.subarray(start, end));
    this.held.push({ ...delivery, deliveryId: null, sentBytes: 0, payload: Buffer.concat(parts) });
    this.sendHeld();
  }

  onFlow(flow: Read<typeof FLOW>): void {
    const underWay = difference(this.nextTransferId, flow.nextIncomingId ?? 0);
    this.window = Math.max(0, flow.incomingWindow - underWay);
    this.sendHeld();
  }

  /** The link is gone: what waits for it must not come on its handle any more. */
  drop(handle: number): void {
    this.held = this.held.filter((each) => each.handle !== handle);
  }

  /** Payload of one frame. */
  private get room(): number {
    return this.host.maxFrameBytes - TRANSFER_BYTES;
  }

  private sendHeld(): void {
    while (this.window > 0) {
      const first = this.held[0];
      if (first === undefined) return;
      this.sendPart(first);
      if (first.sentBytes >= first.payload.length) this.held.shift();
    }
  }

  private sendPart(outgoing: Outgoing): void {
    const { payload } = outgoing;
    outgoing.deliveryId ??= outgoing.takeId();
    const start = outgoing.sentBytes;
    const end = Math.min(start + this.room, payload.length);
    outgoing.sentBytes = end;
    const range = { bytes: payload, start, end };
    this.write(outgoing, outgoing.deliveryId, end < payload.length, [range], end - start);
  }

  private write(
    { handle, settled }: PendingDelivery,
    deliveryId: number,
    more: boolean,
    payload: readonly ByteRange[],
    total: number,
  ): void {
    this.window -= 1;
    this.nextTransferId = next(this.nextTransferId);
    const transfer = { handle, deliveryId, settled };
    const output = this.host.frames.transfer(this.channel, transfer, more, total);
    for (const { bytes, start, end } of payload) output.range(bytes, start, end);
  }
}
