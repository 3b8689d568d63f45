/** What a session and its links need of their connection, and what it needs of them. */
import type { BrokerSession, ConfirmationToken, Destination } from '../../broker/api.js';
import type { Config } from '../../config/schema.js';
import type { Addresses } from './addresses.js';
import type { FrameWriter } from './frame-writer.js';
import type { OpenTransactions } from './open-transactions.js';

/** A session as its connection comes back to it. */
export interface HostedSession {
  /** The transfer with this id is on stable storage. */
  confirmed(deliveryId: number): void;
  /** Writes what `touched` announced. */
  flush(): void;
}

export interface SessionHost {
  readonly broker: BrokerSession;
  readonly frames: FrameWriter;
  readonly config: Config['amqp'];
  readonly addresses: Addresses;
  /** The peer's container id: with JMS the client identifier. */
  readonly containerId: string;
  /** Of all sessions. */
  readonly linkCount: number;
  /** A name for a new temporary destination of these capabilities. */
  newTemporary(capabilities: readonly string[]): Destination;
  /** Largest frame that the peer takes. */
  readonly maxFrameBytes: number;
  /** Producers are held back: nobody gets new credit. */
  readonly isHeld: boolean;
  readonly wallMs: () => number;
  /** To be given to the broker with a transfer, and `awaits` to be called right after. */
  readonly transferToken: ConfirmationToken;
  /** `session.confirmed(deliveryId)` is to be called when the transfer is confirmed. */
  awaits(session: HostedSession, deliveryId: number): void;
  readonly openTransactions: OpenTransactions;
  /** To be given to the broker with anything else. */
  tokenFor(confirmed: () => void): ConfirmationToken;
  /** What came of messages whose last transfer did not come yet, on all links of the connection. */
  readonly unfinished: { bytes: number };
  /** Whether the socket takes more of what was kept for want of room. */
  readonly hasRoomForPart: boolean;
  /** `goOn` is called once when there may be room again. */
  waitsForRoom(goOn: () => void): void;
  /** Something of the session has to be written before the next flush. */
  touched(session: HostedSession): void;
}
