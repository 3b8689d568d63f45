/** What an entry in a checkpoint says beside its numbers, in sixteen bits (docs/records-format.md, 9). */

import { DEFAULT_PRIORITY, PRIORITIES } from './priority.js';

const REDELIVERED_BIT = 1;
const PRIORITY_SHIFT = 1;
const PRIORITY_BITS = 0x0f;
const GROUP_SHIFT = 5;

/** What a stored entry says beside its numbers. Zero is an entry of the default priority, of no group and not redelivered. */
export function storedTraits(isRedelivered: boolean, priority: number, group: number): number {
  const priorityBits = priority === DEFAULT_PRIORITY ? 0 : priority + 1;
  const redeliveredBit = isRedelivered ? REDELIVERED_BIT : 0;
  return redeliveredBit | (priorityBits << PRIORITY_SHIFT) | (group << GROUP_SHIFT);
}

export function isStoredRedelivered(traits: number): boolean {
  return (traits & REDELIVERED_BIT) !== 0;
}

export function storedPriority(traits: number): number {
  const bits = (traits >> PRIORITY_SHIFT) & PRIORITY_BITS;
  return bits === 0 ? DEFAULT_PRIORITY : bits - 1;
}

export function storedGroup(traits: number): number {
  return traits >> GROUP_SHIFT;
}

/** Whether they are what `storedTraits` gives for something. */
export function areStoredTraits(traits: number): boolean {
  const priority = storedPriority(traits);
  const same = storedTraits(isStoredRedelivered(traits), priority, storedGroup(traits));
  return priority < PRIORITIES && same === traits;
}
