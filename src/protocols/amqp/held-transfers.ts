/**
 * Cuts deliveries into transfer frames and keeps those for which the client's session has no window at
 * the moment (OASIS AMQP 1.0, part 2, 2.5.6), or its socket no room. The order never changes.
 */
import type { DeliveryView } from '../../broker/api.js';
import { isLarge } from '../shared/large-delivery.js';
import type { Output } from '../shared/output.js';
import type { Read } from './composite.js';
import type { DeliveryPayload, KeptPayload } from './delivery-payload.js';
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
  readonly payload: KeptPayload;
  readonly isLarge: boolean;
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
  private readonly onUnblocked: () => void;
  private held: Held[] = [];

  /** `onUnblocked`: what was kept for want of room, or had to be loaded, is sent, or dropped. */
  constructor(
    host: SessionHost,
    channel: number,
    window: number,
    { takeId, onUnblocked }: { readonly takeId: TakeId; readonly onUnblocked: () => void },
  ) {
    this.host = host;
    this.channel = channel;
    this.window = window;
    this.takeId = takeId;
    this.onUnblocked = onUnblocked;
  }

  get isBlocked(): boolean {
    return this.window === 0 || this.held.length > 0;
  }

  /** `payload` is that of `message`. */
  send(link: SendingLink, message: DeliveryView, payload: DeliveryPayload): void {
    const { size } = payload;
    const { entryId } = message;
    if (size <= this.room && !this.isBlocked) {
      payload.appendTo(this.begin(link, this.takeId(link, entryId), false, size));
      return;
    }
    const goesInParts = isLarge(size, this.host.config.socketBufferMaxBytes);
    this.held.push({
      link,
      entryId,
      deliveryId: null,
      sentBytes: 0,
      payload: goesInParts ? payload.hold(message) : payload.keepCopy(),
      isLarge: goesInParts,
    });
    this.sendHeld();
  }

  onFlow(flow: Read<typeof FLOW>): void {
    const underWay = difference(this.nextTransferId, flow.nextIncomingId ?? 0);
    this.window = Math.max(0, flow.incomingWindow - underWay);
    this.sendHeld();
  }

  /** The link is gone: what waits for it must not come on its handle any more. */
  drop(handle: number): void {
    const others = this.held.filter((each) => each.link.handle !== handle);
    if (others.length === this.held.length) return;
    for (const each of this.held) if (each.link.handle === handle) each.payload.release();
    this.held = others;
    this.host.waitsForRoom(this.goOn);
  }

  /** Nothing is sent any more. */
  dropAll(): void {
    for (const { payload } of this.held) payload.release();
    this.held = [];
  }

  private readonly goOn = (): void => {
    this.sendHeld();
    if (!this.isBlocked) this.onUnblocked();
  };

  /** Payload of one frame. */
  private get room(): number {
    return this.host.maxFrameBytes - TRANSFER_BYTES;
  }

  private sendHeld(): void {
    while (this.window > 0) {
      const first = this.held[0];
      if (first === undefined) return;
      if (first.isLarge && !this.host.hasRoomForPart) {
        this.host.waitsForRoom(this.goOn);
        return;
      }
      if (!this.sendPart(first)) return;
      if (first.sentBytes < first.payload.size) continue;
      first.payload.release();
      this.held.shift();
    }
  }

  /** False when it has to be loaded. */
  private sendPart(held: Held): boolean {
    const { link, payload } = held;
    const part = payload.part(held.sentBytes, this.room, this.goOn);
    if (part === null) return false;
    held.deliveryId ??= this.takeId(link, held.entryId);
    held.sentBytes += part.length;
    const more = held.sentBytes < payload.size;
    this.begin(link, held.deliveryId, more, part.length).bytes(part);
    return true;
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
