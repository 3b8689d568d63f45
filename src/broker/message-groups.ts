/**
 * Message groups: what belongs together goes to one consumer, in order. The index knows a group by a small
 * number made of its id, so groups of the same number are treated as one. Who has which group only the
 * live node knows; after a takeover they are given out anew.
 */

import type { MessageTable } from './message-table.js';
import { PassedEntries, type Passers } from './passed-entries.js';

/** The numbers of groups are 1 to this; docs/records-format.md has how they are made. */
const HIGHEST_GROUP = 2047;
/** In what a message says of its group, beside the number: it is the last one. */
const CLOSES = 0x8000;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** What a message says of its group; never 0. */
export function groupMark(groupId: string, closes: boolean): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < groupId.length; at += 1) {
    hash = Math.imul(hash ^ groupId.charCodeAt(at), FNV_PRIME);
  }
  const group = ((hash >>> 0) % HIGHEST_GROUP) + 1;
  return closes ? group | CLOSES : group;
}

export function isGroupMark(mark: number): boolean {
  const group = groupIn(mark);
  return group !== 0 && (mark === group || mark === (group | CLOSES));
}

export function groupIn(mark: number): number {
  return mark & HIGHEST_GROUP;
}

export function closesGroup(mark: number): boolean {
  return (mark & CLOSES) !== 0;
}

/** A group of which somebody has something, or is to get what comes. */
interface HeldGroup<Consumer> {
  /** Null: whoever had it is gone, or it was closed, and not everything is settled yet. */
  owner: Consumer | null;
  /** Delivered and not settled for good. */
  held: number;
  /** Failed, and waiting for another attempt, before which the others of the group must not come. */
  waiting: number;
  /** What somebody passed over because it was not for him; null: nothing yet. */
  passed: PassedEntries | null;
}

/** The groups of one queue, and which of its consumers have them. */
export class MessageGroups<Consumer> {
  private readonly table: MessageTable;
  private readonly groups = new Map<number, HeldGroup<Consumer>>();
  private readonly passers: Passers;

  constructor(table: MessageTable, passers: Passers) {
    this.table = table;
    this.passers = passers;
  }

  get isEmpty(): boolean {
    return this.groups.size === 0;
  }

  /** Whether entries of the group may go to the consumer now, as far as the group is concerned. */
  mayTake(group: number, consumer: Consumer): boolean {
    const held = this.groups.get(group);
    return held === undefined || (held.owner === consumer && held.waiting === 0);
  }

  /** Who has the group, when it is somebody; only what that one does not select may go to others. */
  ownerOf(group: number): Consumer | null {
    const held = this.groups.get(group);
    return held === undefined || held.waiting > 0 ? null : held.owner;
  }

  /** A consumer looked at the entry, and it is for another one, or has to wait. */
  passOver(group: number, slot: number): void {
    const held = this.groups.get(group);
    if (held === undefined) return;
    held.passed ??= new PassedEntries();
    held.passed.add(this.table.priorityOf(slot), this.table.idOf(slot));
  }

  /** An entry with this mark goes to the consumer; `isHeld`: until it is settled. Returns whether the group is free again. */
  take(mark: number, slot: number, consumer: Consumer, isHeld: boolean): boolean {
    const group = groupIn(mark);
    const held = this.groups.get(group) ?? this.add(group, consumer);
    if (isHeld) held.held += 1;
    if (held.owner === consumer) {
      held.passed?.taken(this.table.priorityOf(slot), this.table.idOf(slot));
      if (closesGroup(mark)) held.owner = null;
    }
    return this.recheck(group, held);
  }

  /** An entry of it was settled for good, or is back in its queue. Returns whether others may get some now. */
  letGo(group: number): boolean {
    const held = this.groups.get(group);
    if (held === undefined) return false;
    held.held -= 1;
    return this.recheck(group, held);
  }

  /** An entry of it failed and waits for another attempt. */
  wait(group: number): void {
    const held = this.groups.get(group) ?? this.add(group, null);
    held.waiting += 1;
  }

  /** That one is back in its queue, or gone. Returns whether somebody may get some now. */
  waited(group: number): boolean {
    const held = this.groups.get(group);
    if (held === undefined) return false;
    held.waiting -= 1;
    if (held.waiting > 0 || held.owner === null) return this.recheck(group, held);
    held.passed?.tell(this.passers);
    return true;
  }

  /** The consumer is gone; what it has not settled is still to come back. */
  leave(consumer: Consumer): void {
    for (const [group, held] of this.groups) {
      if (held.owner !== consumer) continue;
      held.owner = null;
      this.recheck(group, held);
    }
  }

  /** A group that nobody has, and of which nobody has anything, is free for the next consumer. */
  private recheck(group: number, held: HeldGroup<Consumer>): boolean {
    if (held.owner !== null || held.held > 0 || held.waiting > 0) return false;
    this.groups.delete(group);
    held.passed?.tell(this.passers);
    return true;
  }

  private add(group: number, owner: Consumer | null): HeldGroup<Consumer> {
    const held = { owner, held: 0, waiting: 0, passed: null };
    this.groups.set(group, held);
    return held;
  }
}
