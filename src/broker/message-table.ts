/**
 * The index of everything that is stored: one slot per entry (a message in one queue), as columns
 * of typed arrays, so that a million entries cost tens of megabytes and no work for the garbage
 * collector. Bodies are not here; an entry says where in the journal its record lies.
 */

import { DEFAULT_PRIORITY } from './priority.js';

/** No slot. */
export const NONE = -1;

/** What the live node does with an entry at this moment; while following, everything is `ready`. */
export const ENTRY_STATE = {
  free: 0,
  /** In its queue's list, waiting for a consumer. */
  ready: 1,
  /** With a consumer, in its list, not acknowledged. */
  delivered: 2,
  /** Acknowledged or rejected in a transaction that is still open. */
  inTransaction: 3,
  /** On its way to the dead-letter or the expiry address; its body may still have to be loaded. */
  moving: 4,
  /** Its removal is in a batch that is not applied yet. */
  removing: 5,
  /** In no list until its time comes. */
  scheduled: 6,
} as const;

export const ENTRY_FLAG = {
  /** The journal says that it may have been delivered before. The only flag that is stored. */
  redelivered: 1,
  /** Its bytes are in memory only; `blockOffset` is its place in `VolatileMessages`. */
  volatile: 2,
  /** This node has handed it to a consumer. */
  handedOver: 4,
  /** Its delivery is written down in a batch, or waits to be. */
  noted: 8,
  /** The expiry heap knows it. */
  inExpiryHeap: 16,
  /** It failed and waits for another attempt, and its message group with it. */
  triesAgain: 32,
} as const;

const INITIAL_SLOTS = 1024;
const NO_GROUP = 0;
const TWO_TO_32 = 4_294_967_296;

export class MessageTable {
  /** Entries that exist. */
  size = 0;
  /** Slots that were ever used are below this. */
  slotLimit = 0;

  private ids = new Float64Array(INITIAL_SLOTS);
  private expiries = new Float64Array(INITIAL_SLOTS);
  private deliveryNumbers = new Float64Array(INITIAL_SLOTS);
  private queues = new Int32Array(INITIAL_SLOTS);
  private nexts = new Int32Array(INITIAL_SLOTS);
  private previouses = new Int32Array(INITIAL_SLOTS);
  private owners = new Int32Array(INITIAL_SLOTS);
  private segments = new Uint32Array(INITIAL_SLOTS);
  private blockOffsets = new Uint32Array(INITIAL_SLOTS);
  private recordOffsets = new Uint32Array(INITIAL_SLOTS);
  private byteCounts = new Uint32Array(INITIAL_SLOTS);
  private failures = new Uint16Array(INITIAL_SLOTS);
  private storedFailures = new Uint16Array(INITIAL_SLOTS);
  private flagBits = new Uint8Array(INITIAL_SLOTS);
  private states = new Uint8Array(INITIAL_SLOTS);
  private priorities = new Uint8Array(INITIAL_SLOTS);
  private groups = new Uint16Array(INITIAL_SLOTS);

  private freeHead = NONE;
  /** Open addressing, half full at most; a bucket holds slot + 1, and 0 when empty. */
  private buckets = new Int32Array(INITIAL_SLOTS * 2);
  private bucketMask = INITIAL_SLOTS * 2 - 1;

  /** A slot for a new entry. The caller has made sure that no entry has this id. */
  allocate(id: number): number {
    let slot = this.freeHead;
    if (slot !== NONE) {
      this.freeHead = this.nextOf(slot);
    } else {
      if (this.slotLimit === this.ids.length) this.grow();
      slot = this.slotLimit;
      this.slotLimit += 1;
    }
    this.ids[slot] = id;
    this.expiries[slot] = 0;
    this.owners[slot] = NONE;
    this.failures[slot] = 0;
    this.storedFailures[slot] = 0;
    this.flagBits[slot] = 0;
    this.states[slot] = ENTRY_STATE.ready;
    this.priorities[slot] = DEFAULT_PRIORITY;
    this.groups[slot] = NO_GROUP;
    this.size += 1;
    this.insertBucket(id, slot);
    return slot;
  }

  release(slot: number): void {
    this.removeBucket(this.idOf(slot));
    this.states[slot] = ENTRY_STATE.free;
    this.nexts[slot] = this.freeHead;
    this.freeHead = slot;
    this.size -= 1;
  }

  /** The slot of the entry with this id, or NONE. */
  find(id: number): number {
    let bucket = this.bucketOf(id);
    for (;;) {
      const slot = (this.buckets[bucket] as number) - 1;
      if (slot === NONE || this.ids[slot] === id) return slot;
      bucket = (bucket + 1) & this.bucketMask;
    }
  }

  idOf(slot: number): number {
    return this.ids[slot] as number;
  }

  nextOf(slot: number): number {
    return this.nexts[slot] as number;
  }

  previousOf(slot: number): number {
    return this.previouses[slot] as number;
  }

  /** Makes two slots neighbours; either may be NONE. */
  link(before: number, after: number): void {
    if (before !== NONE) this.nexts[before] = after;
    if (after !== NONE) this.previouses[after] = before;
  }

  queueOf(slot: number): number {
    return this.queues[slot] as number;
  }

  setQueue(slot: number, queueIndex: number): void {
    this.queues[slot] = queueIndex;
  }

  ownerOf(slot: number): number {
    return this.owners[slot] as number;
  }

  setOwner(slot: number, consumerIndex: number): void {
    this.owners[slot] = consumerIndex;
  }

  /** Counts what its consumer was delivered; only with its owner does it mean something. */
  deliveryNumberOf(slot: number): number {
    return this.deliveryNumbers[slot] as number;
  }

  setDeliveryNumber(slot: number, deliveryNumber: number): void {
    this.deliveryNumbers[slot] = deliveryNumber;
  }

  segmentOf(slot: number): number {
    return this.segments[slot] as number;
  }

  blockOffsetOf(slot: number): number {
    return this.blockOffsets[slot] as number;
  }

  recordOffsetOf(slot: number): number {
    return this.recordOffsets[slot] as number;
  }

  bytesOf(slot: number): number {
    return this.byteCounts[slot] as number;
  }

  /** `bytes`: the entry's share of the record, which is what its queue and its segment are charged. */
  setPlace(
    slot: number,
    segment: number,
    blockOffset: number,
    recordOffset: number,
    bytes: number,
  ): void {
    this.segments[slot] = segment;
    this.blockOffsets[slot] = blockOffset;
    this.recordOffsets[slot] = recordOffset;
    this.byteCounts[slot] = bytes;
  }

  expiresAtMsOf(slot: number): number {
    return this.expiries[slot] as number;
  }

  setExpiresAtMs(slot: number, expiresAtMs: number): void {
    this.expiries[slot] = expiresAtMs;
  }

  /** The live node knows them before the journal does. */
  failedDeliveriesOf(slot: number): number {
    return this.failures[slot] as number;
  }

  setFailedDeliveries(slot: number, count: number): void {
    this.failures[slot] = count;
  }

  /** As many as the journal says. */
  storedFailedDeliveriesOf(slot: number): number {
    return this.storedFailures[slot] as number;
  }

  /** Counts only rise, so a record that is applied twice, or late, does no harm. */
  applyFailedDeliveries(slot: number, count: number): void {
    this.storedFailures[slot] = Math.max(this.storedFailedDeliveriesOf(slot), count);
    this.failures[slot] = Math.max(this.failedDeliveriesOf(slot), count);
  }

  forgetUnstoredFailures(slot: number): void {
    this.failures[slot] = this.storedFailedDeliveriesOf(slot);
  }

  stateOf(slot: number): number {
    return this.states[slot] as number;
  }

  setState(slot: number, state: number): void {
    this.states[slot] = state;
  }

  priorityOf(slot: number): number {
    return this.priorities[slot] as number;
  }

  setPriority(slot: number, priority: number): void {
    this.priorities[slot] = priority;
  }

  /** Which group its message is of (message-groups.ts); 0: of none. */
  groupOf(slot: number): number {
    return this.groups[slot] as number;
  }

  setGroup(slot: number, group: number): void {
    this.groups[slot] = group;
  }

  /** Whether `slot` is to be delivered before `other`: by priority, then in the order of arrival. */
  isBefore(slot: number, other: number): boolean {
    const priority = this.priorityOf(slot);
    const otherPriority = this.priorityOf(other);
    return priority === otherPriority
      ? this.idOf(slot) < this.idOf(other)
      : priority > otherPriority;
  }

  flagsOf(slot: number): number {
    return this.flagBits[slot] as number;
  }

  hasFlag(slot: number, flag: number): boolean {
    return ((this.flagBits[slot] as number) & flag) !== 0;
  }

  setFlag(slot: number, flag: number): void {
    this.flagBits[slot] = (this.flagBits[slot] as number) | flag;
  }

  clearFlag(slot: number, flag: number): void {
    this.flagBits[slot] = (this.flagBits[slot] as number) & ~flag;
  }

  /** Bytes of memory that the columns and the hash take. */
  memoryBytes(): number {
    const bytesPerSlot = 3 * 8 + 8 * 4 + 3 * 2 + 3;
    return this.ids.length * bytesPerSlot + this.buckets.byteLength;
  }

  private bucketOf(id: number): number {
    // Ids are consecutive; mixing keeps runs of them from becoming long clusters.
    const low = (id | 0) ^ Math.imul((id / TWO_TO_32) | 0, 0x85ebca6b);
    const mixed = Math.imul(low ^ (low >>> 15), 0x9e3779b1);
    return (mixed ^ (mixed >>> 16)) & this.bucketMask;
  }

  private insertBucket(id: number, slot: number): void {
    let bucket = this.bucketOf(id);
    while (this.buckets[bucket] !== 0) bucket = (bucket + 1) & this.bucketMask;
    this.buckets[bucket] = slot + 1;
  }

  /** Closes the gap by moving later buckets back, so that no tombstones gather. */
  private removeBucket(id: number): void {
    const mask = this.bucketMask;
    let hole = this.bucketOf(id);
    while (this.ids[(this.buckets[hole] as number) - 1] !== id) hole = (hole + 1) & mask;
    let probe = (hole + 1) & mask;
    for (;;) {
      const occupant = this.buckets[probe] as number;
      if (occupant === 0) break;
      const home = this.bucketOf(this.ids[occupant - 1] as number);
      if (((probe - home) & mask) >= ((probe - hole) & mask)) {
        this.buckets[hole] = occupant;
        hole = probe;
      }
      probe = (probe + 1) & mask;
    }
    this.buckets[hole] = 0;
  }

  private grow(): void {
    const slots = this.ids.length * 2;
    this.ids = enlarged(this.ids, new Float64Array(slots));
    this.expiries = enlarged(this.expiries, new Float64Array(slots));
    this.deliveryNumbers = enlarged(this.deliveryNumbers, new Float64Array(slots));
    this.queues = enlarged(this.queues, new Int32Array(slots));
    this.nexts = enlarged(this.nexts, new Int32Array(slots));
    this.previouses = enlarged(this.previouses, new Int32Array(slots));
    this.owners = enlarged(this.owners, new Int32Array(slots));
    this.segments = enlarged(this.segments, new Uint32Array(slots));
    this.blockOffsets = enlarged(this.blockOffsets, new Uint32Array(slots));
    this.recordOffsets = enlarged(this.recordOffsets, new Uint32Array(slots));
    this.byteCounts = enlarged(this.byteCounts, new Uint32Array(slots));
    this.failures = enlarged(this.failures, new Uint16Array(slots));
    this.storedFailures = enlarged(this.storedFailures, new Uint16Array(slots));
    this.flagBits = enlarged(this.flagBits, new Uint8Array(slots));
    this.states = enlarged(this.states, new Uint8Array(slots));
    this.priorities = enlarged(this.priorities, new Uint8Array(slots));
    this.groups = enlarged(this.groups, new Uint16Array(slots));
    this.buckets = new Int32Array(slots * 2);
    this.bucketMask = slots * 2 - 1;
    for (let slot = 0; slot < this.slotLimit; slot += 1) this.insertBucket(this.idOf(slot), slot);
  }
}

function enlarged<Column extends { set(from: Column): void }>(from: Column, into: Column): Column {
  into.set(from);
  return into;
}
