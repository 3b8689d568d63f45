/** What operators may do to queues and their messages, and what they learn of it. */

import type { Selector } from '../selector/selector.js';
import type { DeliveryView, Destination } from './api.js';

/** What becomes of each message. */
export type MessageAction =
  | { readonly kind: 'purge' | 'expire' }
  /** `mayGoTo`: what a message says of where it was sent first may be anything. */
  | { readonly kind: 'retry'; readonly mayGoTo: (destination: Destination) => boolean }
  | { readonly kind: 'move' | 'copy'; readonly to: string };

/** Which messages of a queue: those that fit everything that is given. */
export interface MessageSelection {
  /** Null for any. */
  readonly ids: readonly number[] | null;
  readonly selector: Selector | null;
  /** Of messages that are done; Infinity for no limit. */
  readonly limit: number;
  /** Only behind this id. */
  readonly after: number;
  /** Only up to this id; null for what is there when it begins. */
  readonly upTo: number | null;
}

export interface ActionOutcome {
  readonly done: number;
  /** Selected, but with a consumer or in a transaction, or with no place to go to. */
  readonly skipped: number;
  /** Why the first of them was skipped, or nothing more was done for want of room; null when neither was. */
  readonly reason: string | null;
  /** Whether nothing that was selected is left. Else it goes on behind `after`, up to `upTo`. */
  readonly isComplete: boolean;
  readonly after: number;
  readonly upTo: number;
  /** Of the first messages that were moved, copied or sent back to a queue. */
  readonly copies: readonly MessageCopy[];
}

export interface MessageCopy {
  /** The id that it had. */
  readonly from: number;
  /** The id of the new one. */
  readonly to: number;
  /** Where the new one is. */
  readonly queue: string;
}

export type MessageState = 'ready' | 'delivered' | 'in-transaction' | 'scheduled' | 'moving';

/** A message with its place. It is only read during the call that it is given to. */
export interface BrowsedMessage extends DeliveryView {
  readonly state: MessageState;
  /** Wall-clock milliseconds at which its sender wants it delivered; 0 for at once. */
  readonly deliverAtMs: number;
  /** Of the journal record, or in memory. */
  readonly bytesStored: number;
}

export interface BrowseRequest {
  readonly queue: string;
  readonly selector: Selector | null;
  readonly after: number;
  /** Null for what is there now. */
  readonly upTo: number | null;
  readonly limit: number;
  readonly onMessage: (message: BrowsedMessage) => void;
}

/** Where a browse goes on: behind this id; null when there is nothing more. */
export type BrowseEnd = number | null;

/** How a call to the broker ends that takes several turns. */
export interface Ending<Result> {
  done(result: Result): void;
  /** Nothing is known of what was not confirmed yet: OWNERSHIP_LOST when this node does not serve any more. */
  failed(error: Error): void;
}
