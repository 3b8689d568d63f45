/**
 * What a broker is made of, and which of its parts knows which; what the node asks of them together, in which
 * order, is in broker.ts.
 */

import { type AddressRule, AddressRules } from './address-settings.js';
import { BatchBuilder } from './batch-builder.js';
import type { Client } from './client.js';
import { DeadLetters } from './dead-letters.js';
import { Deliveries } from './deliveries.js';
import { Dispatcher } from './dispatcher.js';
import { Drops, type OnFirstDrop } from './drops.js';
import { DuplicateFilter } from './duplicate-filter.js';
import { ExpirySweep } from './expiry-sweep.js';
import type { LiveCounts } from './facts.js';
import { FlowControl } from './flow-control.js';
import type { BodySource, BrokerLimits, SegmentUsage } from './host.js';
import { Inspection } from './inspection.js';
import { Management } from './management.js';
import { MessageIndex } from './message-index.js';
import { MessageMover } from './message-mover.js';
import { Publisher } from './publisher.js';
import { QueueCreator } from './queue-creator.js';
import { RecordApplier } from './record-applier.js';
import type { BrokerServices, MessageContents } from './services.js';
import { Subscriptions } from './subscriptions.js';
import { TemporaryDestinations } from './temporary-destinations.js';
import type { Transaction } from './transaction.js';

export interface BrokerOptions {
  readonly limits: BrokerLimits;
  /** Settings of addresses, which go over the limits; left out, there are none. */
  readonly addresses?: readonly AddressRule[];
  readonly onFirstDrop?: OnFirstDrop;
  readonly maxBatchBytes: number;
  readonly bodies: BodySource;
  readonly usage: SegmentUsage;
  readonly wallMs: () => number;
  /** Whether ownership was verified recently enough: otherwise another node may be live, and nothing is delivered. */
  readonly mayDeliver: () => boolean;
  /** There is something to take: called once after each `takeBatch`. Must not call back. */
  readonly onPending: () => void;
  /** At least `minimumBytes` for a header and records; the slab is handed over with its batch. */
  readonly allocateSlab: (minimumBytes: number) => Uint8Array;
  readonly contents: MessageContents;
  /** Runs the task in a later turn of the event loop. */
  readonly later: (task: () => void) => void;
}

/** Everything that hangs on one index; replaced as a whole by `reset`. */
export interface BrokerParts {
  readonly index: MessageIndex;
  readonly applier: RecordApplier;
  readonly batches: BatchBuilder;
  readonly flow: FlowControl;
  readonly creator: QueueCreator;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly mover: MessageMover;
  readonly deadLetters: DeadLetters;
  readonly duplicates: DuplicateFilter;
  readonly dispatcher: Dispatcher;
  readonly expirySweep: ExpirySweep;
  readonly subscriptions: Subscriptions;
  readonly services: BrokerServices;
  readonly busyTransactions: Set<Transaction>;
  readonly inspection: Inspection;
  readonly management: Management;
}

export function assembleBroker(
  options: BrokerOptions,
  counts: LiveCounts,
  clients: ReadonlySet<Client>,
): BrokerParts {
  const { limits, addresses = [], wallMs, mayDeliver, bodies, contents, later } = options;
  const { onFirstDrop = () => undefined } = options;
  const rules = new AddressRules(addresses, limits);
  const services: BrokerServices = {
    limits,
    rules,
    drops: new Drops(counts, onFirstDrop),
    wallMs,
    mayDeliver,
    bodies,
    contents,
    later,
    counts,
  };
  const index = new MessageIndex(options.usage, rules);
  const applier = new RecordApplier(index, options.usage);
  const batches = new BatchBuilder(options);
  const flow = new FlowControl(index, limits);
  const temporary = new TemporaryDestinations(index.queues);
  const duplicates = new DuplicateFilter(index, batches, services);
  const creator = new QueueCreator({ queues: index.queues, batches, services, temporary });
  const publisher = new Publisher({
    index,
    batches,
    flow,
    creator,
    duplicates,
    temporary,
    services,
  });
  const deliveries = new Deliveries(index, batches, services);
  const moving = { index, batches, flow, creator, publisher, deliveries, services };
  const mover = new MessageMover(moving);
  const shared = { ...moving, mover };
  const deadLetters = new DeadLetters(shared);
  const dispatcher = new Dispatcher(shared);
  const expirySweep = new ExpirySweep({ ...shared, dispatcher });
  const subscriptions = new Subscriptions({ ...shared, temporary });
  const busyTransactions = new Set<Transaction>();
  const inspection = new Inspection({ index, clients, busyTransactions, counts });
  const parts = {
    ...shared,
    applier,
    busyTransactions,
    duplicates,
    deadLetters,
    dispatcher,
    expirySweep,
    subscriptions,
    inspection,
  };
  return { ...parts, management: new Management({ ...parts, clients }) };
}

/** Nothing was done yet. */
export function noCounts(): LiveCounts {
  return {
    sent: 0,
    delivered: 0,
    acknowledged: 0,
    failed: 0,
    expired: 0,
    deadLettered: 0,
    duplicates: 0,
    dropped: 0,
  };
}
