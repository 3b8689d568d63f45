/**
 * Cuts deliveries into transfer frames and keeps those for which the client's session has no window at
 * the moment (OASIS AMQP 1.0, part 2, 2.5.6). The order never changes.
 */
import type { Output } from '../shared/output.js';
import type { Read } from './composite.js';
import type { DeliveryPayload } from './delivery-payload.js';
import { TRANSFER_BYTES } from './frame-writer.js';
import type { FLOW } from './performatives.js';
import type { SendingLink } from './sending-link.js';
import { difference, next } from './serial-number.js';
import type { SessionHost } from './session-host.js';

/** A delivery that waits, or of which some frames do. */
interface Held {
  readonly link: SendingLink;
  readonly entryId: number;
  deliveryId: number | null;
  /** What is not sent yet begins here. */
  sentBytes: number;
  readonly payload: Uint8Array;
}

/** Called once for a delivery, right before its first frame: ids are taken in the order of frames, without a gap. */
export type TakeId = (link: SendingLink, entryId: number) => number;

export class HeldTransfers {
  /** The number of the next frame, as both sides count them. */
  nextTransferId = 0;
  private readonly host: SessionHost;
  private readonly channel: number;
  /** Frames that the client still takes. */
  private window: number;
  private readonly takeId: TakeId;
  private held: Held[] = [];

  constructor(host: SessionHost, channel: number, window: number, takeId: TakeId) {
    this.host = host;
    this.channel = channel;
    this.window = window;
    this.takeId = takeId;
  }

  get isBlocked(): boolean {
    return this.window === 0 || this.held.length > 0;
  }

  send(link: SendingLink, entryId: number, payload: DeliveryPayload): void {
    const { size } = payload;
    if (size <= this.room && !this.isBlocked) {
      payload.appendTo(this.begin(link, this.takeId(link, entryId), false, size));
      return;
    }
    this.held.push({ link, entryId, deliveryId: null, sentBytes: 0, payload: payload.copy() });
    this.sendHeld();
  }

  onFlow(flow: Read<typeof FLOW>): void {
    const underWay = difference(this.nextTransferId, flow.nextIncomingId ?? 0);
    this.window = Math.max(0, flow.incomingWindow - underWay);
    this.sendHeld();
  }

  /** The link is gone: what waits for it must not come on its handle any more. */
  drop(handle: number): void {
    this.held = this.held.filter((each) => each.link.handle !== handle);
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

  private sendPart(held: Held): void {
    const { link, payload } = held;
    held.deliveryId ??= this.takeId(link, held.entryId);
    const start = held.sentBytes;
    const end = Math.min(start + this.room, payload.length);
    held.sentBytes = end;
    const more = end < payload.length;
    this.begin(link, held.deliveryId, more, end - start).range(payload, start, end);
  }

  /** One frame, whose `payloadBytes` are appended to what this returns. */
  private begin(
    link: SendingLink,
    deliveryId: number,
    more: boolean,
    payloadBytes: number,
  ): Output {
    this.window -= 1;
    this.nextTransferId = next(this.nextTransferId);
    const { handle, isSettled: settled } = link;
    const transfer = { handle, deliveryId, settled, more };
    return this.host.frames.transfer(this.channel, transfer, payloadBytes);
  }
}
