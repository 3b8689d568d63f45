/**
 * Tells the live node which messages came before. The ids of durable messages are journaled beside
 * them; those of messages in memory live and die with this tenure, as the messages do.
 */

import type { AddressRules } from './address-settings.js';
import type { Destination, DuplicateId } from './api.js';
import type { BatchBuilder } from './batch-builder.js';
import { type DuplicateKey, duplicateKeyOf } from './duplicate-key.js';
import {
  type DuplicateAddress,
  type DuplicateLimits,
  DuplicateWindows,
  duplicateAddress,
} from './duplicate-windows.js';
import type { MessageIndex } from './message-index.js';
import { encodeDuplicateLimits } from './record-writer.js';
import { duplicateIdsMaxBytes, FIXED_BYTES } from './records.js';
import type { BrokerServices } from './services.js';

export class DuplicateFilter {
  private readonly index: MessageIndex;
  private readonly batches: BatchBuilder;
  private readonly rules: AddressRules;
  private readonly limits: DuplicateLimits;
  /** Of messages that are in memory only. */
  private inMemory = new DuplicateWindows();
  /** The journal says this node's limits, or will when what was taken is applied. */
  private areLimitsWritten = false;
  private lastDestination: Destination | null = null;
  private lastAddress = '' as DuplicateAddress;
  /** How many ids the last address remembers; null: as many as the limits say. */
  private lastOwnIds: number | null = null;

  constructor(index: MessageIndex, batches: BatchBuilder, services: BrokerServices) {
    this.index = index;
    this.batches = batches;
    this.rules = services.rules;
    const { duplicateIdsPerAddress, duplicateIdsMaxBytes } = services.limits;
    this.limits = { idsPerAddress: duplicateIdsPerAddress, maxBytes: duplicateIdsMaxBytes };
  }

  /** What other limits have left is trimmed now: nobody may ever send with an id again. */
  start(): void {
    this.inMemory = new DuplicateWindows();
    this.inMemory.setLimits(this.limits);
    this.lastDestination = null;
    const { limits, isEmpty } = this.index.duplicates;
    this.areLimitsWritten =
      limits.idsPerAddress === this.limits.idsPerAddress &&
      limits.maxBytes === this.limits.maxBytes;
    if (!isEmpty) this.writeLimits();
  }

  /** The rules have changed. */
  useRules(): void {
    this.lastDestination = null;
  }

  /** Null when no duplicates are looked for. Throws for an id that cannot be one. */
  keyOf(destination: Destination, id: DuplicateId | null): DuplicateKey | null {
    if (id === null) return null;
    this.addressOf(destination);
    const remembered = this.lastOwnIds ?? this.limits.idsPerAddress;
    return remembered === 0 ? null : duplicateKeyOf(id);
  }

  /** A durable message is no duplicate of one in memory, which can still be lost (P1). */
  isKnown(destination: Destination, key: DuplicateKey, durable: boolean): boolean {
    const address = this.addressOf(destination);
    const { duplicates, arrivingDuplicates } = this.index;
    return (
      duplicates.has(address, key) ||
      arrivingDuplicates.has(address, key) ||
      (!durable && this.inMemory.has(address, key))
    );
  }

  /** Upper bound of the record bytes that `note` adds to the batch. */
  recordBytes(destination: Destination, key: DuplicateKey): number {
    const idBytes = duplicateIdsMaxBytes(this.addressOf(destination), [key]);
    return idBytes + FIXED_BYTES.duplicateLimits;
  }

  /** The message with this id, which is not known, is taken: its record has to be in the same batch. */
  note(destination: Destination, key: DuplicateKey, durable: boolean): void {
    const address = this.addressOf(destination);
    const ownIds = this.lastOwnIds;
    if (!durable) {
      this.inMemory.add(address, key, ownIds);
      return;
    }
    this.writeLimits();
    this.index.arrivingDuplicates.add(address, key);
    this.batches.addDuplicateIds({ address, keys: [key], ownIds });
  }

  private writeLimits(): void {
    if (this.areLimitsWritten) return;
    this.areLimitsWritten = true;
    this.batches.addRecord(encodeDuplicateLimits(this.limits));
  }

  private addressOf(destination: Destination): DuplicateAddress {
    if (destination !== this.lastDestination) {
      this.lastDestination = destination;
      this.lastAddress = duplicateAddress(destination);
      this.lastOwnIds = this.rules.settingsFor(destination).ownDuplicateIds;
    }
    return this.lastAddress;
  }
}
