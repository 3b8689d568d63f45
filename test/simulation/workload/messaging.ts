/**
 * What the roles of clients ask of a connection, whichever protocol it speaks: stomp-messaging.ts and
 * amqp/ translate it to frames. A lost connection rejects whatever had no answer yet.
 */
import type { AckMode } from '../../../src/client/stomp-client.js';
import type { Clock, HostPort, Network } from '../../../src/platform/ports.js';
import type { SeededRandom } from '../kernel/random.js';
import type { DeliveredFrame } from './delivery-rules.js';
import type { Copy, LedgerConnection, Rejection } from './ledger-records.js';

/**
 * `confirmed`: the broker promises that it was live since it was asked (P3). `answered`: it promises
 * nothing, or was not asked for an answer.
 */
export type Answer = 'confirmed' | 'answered';

/** A message that came, as its consumer settles it. */
export interface Delivery {
  readonly frame: DeliveredFrame;
  /** In a cumulative subscription with all that came before it. */
  acknowledge(transaction?: string): void;
  /** Resolves when that is confirmed. */
  acknowledgeConfirmed(): Promise<void>;
  /** In a way that the connection chooses among those that its protocol has. */
  reject(): Rejection;
}

export interface SubscribeRequest {
  readonly destination: string;
  readonly acknowledgement: AckMode;
  /** 0: as the broker, or the client's library, likes. */
  readonly prefetch: number;
  /** The name of a durable subscription, which is also the client's id. */
  readonly durable: string | null;
  readonly onMessage: (delivery: Delivery) => void;
}

export interface Subscribed {
  readonly answer: Answer;
  /** What was not acknowledged goes back. Resolves when nothing more comes. */
  leave(): Promise<Answer>;
}

export interface Messaging {
  /** What was acknowledged in a transaction that is rolled back has failed, and comes again; else it stays delivered. */
  readonly returnsAtRollback: boolean;
  /** When the connection is over: with null after a farewell, else with the reason. */
  readonly closed: Promise<Error | null>;
  send(copy: Copy): Promise<Answer>;
  sendIn(transaction: string, copy: Copy): void;
  begin(transaction: string): void;
  /** Resolves when it is confirmed. */
  commit(transaction: string): Promise<void>;
  rollback(transaction: string): Promise<void>;
  subscribe(request: SubscribeRequest): Promise<Subscribed>;
}

export interface MessagingOptions {
  readonly client: string;
  readonly clientId?: string;
  readonly server: HostPort;
  readonly network: Network;
  readonly clock: Clock;
  /** Until the broker has answered to the greeting. */
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
  /** Its own stream. */
  readonly random: SeededRandom;
  readonly connection: LedgerConnection;
  /** The node of this name has answered. */
  readonly onNode: (node: string) => void;
}
