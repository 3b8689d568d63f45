/**
 * The broker as the node sees it. While the node is a backup it only applies blocks; while it is
 * live it also takes commands from sessions, gathers them into batches, and goes on with them
 * (deliveries, confirmations) when the node says that a batch is committed.
 */

import { BLOCK_HEADER_BYTES } from '../journal/format.js';
import { HoldfastError } from '../platform/errors.js';
import type { AddressRule } from './address-settings.js';
import type { BrokerEndpoint, BrokerSession, ClientIdentity, SessionEvents } from './api.js';
import type { PendingBatch, VolatileArrival } from './batch-builder.js';
import { assembleBroker, type BrokerOptions, type BrokerParts, noCounts } from './broker-parts.js';
import { writeCheckpoint } from './checkpoint.js';
import { Client } from './client.js';
import { relocateBlock } from './compaction.js';
import { assertThat } from './contract.js';
import type { LiveCounts } from './facts.js';
import type { NodeHold } from './flow-control.js';
import type { Batch, BlockPosition } from './host.js';
import type { Inspection } from './inspection.js';
import type { Management } from './management.js';
import { NONE } from './message-table.js';
import { STORED_ENTRY_BYTES } from './records.js';
import { Session } from './session.js';
import { abortSlowSubscribers } from './slow-subscribers.js';
import { type BrokerStatistics, gatherStatistics } from './statistics.js';
import { forgetLiveState } from './tenure-end.js';

const NO_POSITION: BlockPosition = { segment: 0, blockOffset: 0 };

export class Broker implements BrokerEndpoint {
  private options: BrokerOptions;
  private parts: BrokerParts;
  private serving = false;
  private readonly clients = new Set<Client>();
  /** Batches that were taken and not yet committed, oldest first. */
  private outstanding: PendingBatch[] = [];
  private counts: LiveCounts = noCounts();

  constructor(options: BrokerOptions) {
    this.options = options;
    this.parts = assembleBroker(options, this.counts, this.clients);
  }

  /** Applies a block that another node wrote, or this one before: for following and replay. */
  apply(payload: Uint8Array, recordCount: number, position: BlockPosition): void {
    assertThat(!this.serving, 'a live broker applies only its own batches');
    const { applier } = this.parts;
    applier.openPayload(payload, position);
    applier.expectRecords(recordCount, applier.applyUpTo(0, payload.length, false));
  }

  /** What was applied so far, as checkpoint payloads of at most 1 MiB. */
  snapshot(): Uint8Array[] {
    return writeCheckpoint(this.parts.index);
  }

  /** What `snapshot` would take now, roughly. */
  snapshotBytes(): number {
    const { table, duplicates } = this.parts.index;
    return table.size * STORED_ENTRY_BYTES + duplicates.snapshotBytes;
  }

  /** Takes one payload of a snapshot, in order, onto a broker that was reset. */
  restore(payload: Uint8Array, recordCount?: number): void {
    assertThat(!this.serving, 'a live broker restores nothing');
    const { applier } = this.parts;
    const found = applier.restore(payload);
    if (recordCount !== undefined) applier.expectRecords(recordCount, found);
  }

  /** Forgets everything. Segment usage is not released: the caller forgets that too. */
  reset(): void {
    if (this.serving) this.stopServing();
    this.parts = assembleBroker(this.options, this.counts, this.clients);
  }

  /** Settings of addresses in place of those of before, for what is sent and delivered from now on. */
  useAddressRules(addresses: readonly AddressRule[]): void {
    this.options = { ...this.options, addresses };
    const { services, index, duplicates, flow } = this.parts;
    services.rules.use(addresses);
    index.queues.useRules();
    duplicates.useRules();
    flow.recheck();
  }

  startServing(): void {
    assertThat(!this.serving, 'the broker serves already');
    this.serving = true;
    Object.assign(this.counts, noCounts());
    this.parts.services.drops.start();
    this.parts.creator.start();
    this.parts.publisher.start();
    this.parts.management.start();
    this.parts.inspection.start();
    this.noteArrivals();
    this.parts.index.releaseDue(this.options.wallMs());
    this.parts.deadLetters.start();
  }

  /** Ownership was verified: delivers what waited for that. */
  deliverWaiting(): void {
    this.parts.dispatcher.run();
  }

  /** Before the end of a tenure: what is delivered now could not be acknowledged any more. */
  stopDelivering(): void {
    this.parts.dispatcher.pause();
  }

  /**
   * Forgets sessions without telling them, and everything that is not in the journal. Batches
   * that were taken and not committed are forgotten too: `committed` refuses them.
   */
  stopServing(): void {
    if (!this.serving) return;
    this.serving = false;
    const { index, batches, flow, deliveries, mover, dispatcher, subscriptions } = this.parts;
    const { busyTransactions, expirySweep, inspection, management } = this.parts;
    for (const client of this.clients) client.closed = true;
    this.clients.clear();
    this.outstanding = [];
    batches.drop();
    flow.reset();
    deliveries.forgetNotes();
    mover.stop();
    dispatcher.stop();
    expirySweep.stop();
    subscriptions.reset();
    busyTransactions.clear();
    forgetLiveState(index);
    inspection.stop();
    management.stop();
  }

  openSession(
    events: SessionEvents,
    describe: string,
    identity: ClientIdentity = {},
  ): BrokerSession {
    if (!this.serving) {
      throw new HoldfastError(
        'OWNERSHIP_LOST',
        `This node is not live, so it cannot serve ${describe}; connect to the live node.`,
      );
    }
    if (identity.isExclusive === true) this.requireFree(identity.clientId ?? null);
    const client = new Client(events, describe, identity);
    this.clients.add(client);
    return new Session(client, {
      ...this.parts,
      onClosed: (closed) => this.clients.delete(closed),
    });
  }

  /** Whether there is a queue of that name, made by whoever used it first. */
  hasQueue(name: string): boolean {
    return this.parts.index.queues.named(name) !== undefined;
  }

  private requireFree(clientId: string | null): void {
    for (const other of this.clients) {
      if (!other.isExclusive || other.clientId !== clientId) continue;
      throw new HoldfastError(
        'CLIENT_ID_IN_USE',
        `Client id "${clientId}" is in use by ${other.description}; close that connection, or use another id.`,
      );
    }
  }

  /** The next batch to commit, or null. Batches are to be committed in the order they are taken. */
  takeBatch(): Batch | null {
    if (!this.serving) return null;
    const batch = this.parts.batches.take(this.parts.deliveries);
    if (batch !== null) this.outstanding.push(batch);
    return batch;
  }

  /** The batch is on stable storage and owned. `position` is null when it had no records. */
  committed(batch: Batch, position: BlockPosition | null): void {
    const taken = this.outstanding.shift();
    assertThat(taken !== undefined && taken === batch, 'batches are committed in order, once');
    assertThat(position !== null || taken.recordCount === 0, 'records were not journaled');
    const { applier, dispatcher, flow, index, mover } = this.parts;
    const payload = taken.slab.subarray(BLOCK_HEADER_BYTES, taken.end);
    const at = position ?? NO_POSITION;
    applier.openPayload(payload, at);
    const { topicBacklogMaxBytes } = this.options.limits;
    abortSlowSubscribers(taken.volatileArrivals, index.queues, topicBacklogMaxBytes);
    let records = 0;
    let offset = 0;
    for (const arrival of taken.volatileArrivals) {
      const until = arrival.slabOffset - BLOCK_HEADER_BYTES;
      records += applier.applyUpTo(offset, until, true);
      offset = until;
      this.applyArrival(arrival);
    }
    records += applier.applyUpTo(offset, payload.length, true);
    applier.expectRecords(taken.recordCount, records);
    if (taken.recordCount > 0) dispatcher.runWith(payload, at);
    else dispatcher.run();
    flow.recheck();
    mover.committed();
    this.confirm(taken);
  }

  /** Compaction: appends again what is still needed of a block; returns the bytes appended. */
  relocate(payload: Uint8Array, position: BlockPosition): number {
    assertThat(this.serving, 'only a live broker compacts');
    return relocateBlock(this.parts.index, this.parts.batches, payload, position);
  }

  /** Removes what has expired, and hands out what was to be delivered later. To be called from a timer. */
  sweep(): void {
    if (!this.serving) return;
    const nowMs = this.options.wallMs();
    this.noteArrivals();
    this.parts.index.releaseDue(nowMs);
    this.timeOutTransactions(nowMs);
    this.parts.expirySweep.run(nowMs);
  }

  private noteArrivals(): void {
    const { index, publisher } = this.parts;
    index.arrivals.note(publisher.upcomingEntryId, this.options.wallMs());
  }

  private timeOutTransactions(nowMs: number): void {
    const { transactionTimeoutMs } = this.options.limits;
    if (transactionTimeoutMs === 0) return;
    for (const transaction of this.parts.busyTransactions) {
      if (!transaction.timeOut(nowMs, transactionTimeoutMs)) return;
    }
  }

  /** Makes every session that sends stop reading, and those that send later too. */
  holdProducers(hold: NodeHold): void {
    this.parts.flow.holdAll(hold, this.clients);
  }

  releaseProducers(): void {
    this.parts.flow.releaseAll();
    this.parts.mover.goOn();
  }

  /** What there is, of a backup too. Ask anew for each look: a reset replaces it. */
  get inspection(): Inspection {
    return this.parts.inspection;
  }

  /** As `inspection`; it refuses unless this node is live. */
  get management(): Management {
    return this.parts.management;
  }

  statistics(): BrokerStatistics {
    return gatherStatistics(this.parts.index, this.counts, this.clients.size);
  }

  private applyArrival(arrival: VolatileArrival): void {
    const { index } = this.parts;
    const { record, queues } = arrival;
    index.arrivingMemoryBytes -= record.length;
    const alive = queues.filter((queue) => !queue.removed).length;
    const place = alive > 0 ? index.volatile.add(record, alive) : NONE;
    for (const [offset, queue] of queues.entries()) {
      index.arrive(queue, -1, -record.length);
      if (queue.removed) continue;
      const id = arrival.baseEntryId + offset;
      index.addVolatile(id, queue, place, record.length, arrival.traits);
    }
  }

  private confirm(batch: PendingBatch): void {
    for (const [index, client] of batch.confirmClients.entries()) {
      if (!client.closed) client.events.confirmed(batch.confirmTokens[index]);
    }
  }
}
