/**
 * What a load needs of a client, whichever protocol it speaks and whatever library speaks it. What is
 * common to all of them, as windows, ledgers and latencies, is the load's: load.ts.
 */

import type { LinkOptions } from './link.js';

export interface SenderOptions extends LinkOptions {
  /** Different for every producer of a ledger. */
  readonly producer: number;
  readonly queue: string;
  readonly bodyBytes: number;
}

export interface SenderEvents {
  /** Connected, maybe again: nothing of an earlier connection comes any more. */
  onOpen(): void;
  /** The messages from number `first` to `last` are confirmed. */
  onConfirmed(first: number, last: number): void;
  /** Everything that one read brought was reported: the time for one write. */
  onTurnEnd(): void;
}

export interface Sender {
  /** The name of the node whose broker answered, also when another one passes the bytes through; or empty. */
  readonly node: string;
  /** Messages that the broker takes now. */
  readonly room: number;
  /** To be sent by the next `flush`. */
  write(sequence: number): void;
  flush(): void;
  close(): void;
}

export interface ReceiverOptions extends LinkOptions {
  readonly queue: string;
  readonly prefetch: number;
}

export interface ReceiverEvents {
  /** `bytes` are only valid during the call. */
  onMessage(bytes: Buffer, bodyStart: number, bodyEnd: number): void;
  onTurnEnd(): void;
}

export interface Receiver {
  /** Of the message that is being reported; sent by the next `flush`. */
  acknowledge(): void;
  flush(): void;
  /** Resolves when the broker has every acknowledgement. */
  finish(): Promise<void>;
  close(): void;
}

export type Protocol = 'stomp' | 'amqp';

export interface Client {
  readonly protocol: Protocol;
  send(options: SenderOptions, events: SenderEvents): Sender;
  receive(options: ReceiverOptions, events: ReceiverEvents): Receiver;
}
