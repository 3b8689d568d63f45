/** The calls of nodes to their store around which faults are worth most. */
import type { Role } from '../../../src/ownership/role.js';
import type { StorageOperation } from '../storage/shared-storage.js';
import type { PathClass } from './path-class.js';

/** Calls around which a node changes something, or learns what it then relies on. */
export interface TellingCall {
  readonly by: Role;
  readonly operation: StorageOperation;
  readonly path: PathClass;
  /** How many of them one step makes at most, or how many are worth telling apart. */
  readonly upTo: number;
}

const call = (
  by: Role,
  operation: StorageOperation,
  path: PathClass,
  upTo: number,
): TellingCall => ({ by, operation, path, upTo });

export const TELLING_CALLS: readonly TellingCall[] = [
  // Claiming the epoch and naming oneself.
  call('taking-over', 'list', 'epochs-directory', 3),
  call('taking-over', 'create', 'epoch', 1),
  call('taking-over', 'write', 'epoch', 1),
  call('taking-over', 'sync', 'epoch', 1),
  call('taking-over', 'sync-directory', 'epochs-directory', 1),
  call('taking-over', 'lock', 'live', 2),
  call('taking-over', 'write', 'live', 2),
  call('taking-over', 'sync', 'live', 2),
  // The end of the journal, and sealing it.
  call('taking-over', 'list', 'journal-directory', 8),
  call('taking-over', 'lock', 'segment', 3),
  call('taking-over', 'read', 'segment', 10),
  call('taking-over', 'open', 'segment', 10),
  call('taking-over', 'create', 'segment', 1),
  call('taking-over', 'write', 'segment', 3),
  call('taking-over', 'sync', 'segment', 1),
  call('taking-over', 'sync-directory', 'journal-directory', 2),
  call('taking-over', 'close', 'segment', 6),
  call('taking-over', 'unlink', 'segment', 1),
  call('taking-over', 'stat', 'lock', 1),
  // A tenure: appends, rolls, checkpoints, deletions, checks.
  call('live', 'write', 'segment', 60),
  call('live', 'create', 'segment', 5),
  call('live', 'lock', 'segment', 5),
  call('live', 'sync', 'segment', 5),
  call('live', 'close', 'segment', 8),
  call('live', 'unlink', 'segment', 6),
  call('live', 'sync-directory', 'journal-directory', 8),
  call('live', 'create', 'checkpoint', 3),
  call('live', 'write', 'checkpoint', 6),
  call('live', 'sync', 'checkpoint', 4),
  call('live', 'unlink', 'checkpoint', 3),
  call('live', 'open', 'live', 30),
  call('live', 'read', 'live', 30),
  call('live', 'open', 'segment', 40),
  call('live', 'list', 'journal-directory', 6),
  call('live', 'stat', 'segment', 30),
  call('live', 'stat', 'lock', 30),
  call('live', 'write', 'live', 10),
  call('live', 'write', 'node', 10),
  // A handover.
  call('handing-over', 'write', 'live', 2),
  call('handing-over', 'sync', 'live', 2),
  call('handing-over', 'write', 'segment', 2),
  call('handing-over', 'close', 'segment', 2),
  call('handing-over', 'close', 'live', 1),
  call('handing-over', 'close', 'lock', 1),
  // A backup's work.
  call('backup', 'lock', 'lock', 60),
  call('backup', 'read', 'segment', 60),
  call('backup', 'read', 'checkpoint', 3),
  call('backup', 'list', 'journal-directory', 60),
  call('joining', 'read', 'store', 2),
  call('joining', 'lock', 'node', 2),
  call('joining', 'write', 'store', 1),
];

/** Calls whose answers a live node relies upon for a while: the worst ones to come late. */
export const RELIED_UPON: readonly TellingCall[] = [
  call('live', 'write', 'segment', 100),
  call('live', 'open', 'live', 40),
  call('live', 'read', 'live', 40),
  call('live', 'open', 'segment', 40),
  call('live', 'stat', 'segment', 40),
  call('live', 'stat', 'lock', 40),
  // With it an ownership check ends, however old what it has read is by then.
  call('live', 'close', 'live', 40),
];

/** Steps of a takeover after which the journal is in two files, or not yet in the new one. */
export const SEALING: readonly TellingCall[] = [
  call('taking-over', 'read', 'segment', 6),
  call('taking-over', 'write', 'segment', 3),
  call('taking-over', 'sync-directory', 'journal-directory', 2),
  call('taking-over', 'unlink', 'segment', 1),
];

/** Right after the copy has become part of the journal: until the old file is gone there are two of one number. */
export const SEALED: readonly TellingCall[] = [call('taking-over', 'unlink', 'segment', 1)];

/** From the look at who else there is to the claimed epoch. */
export const CLAIMING: readonly TellingCall[] = [
  call('taking-over', 'read', 'live', 3),
  call('taking-over', 'list', 'epochs-directory', 3),
  call('taking-over', 'create', 'epoch', 2),
  call('taking-over', 'write', 'live', 2),
];

/** Steps with which a tenure goes on in another file, or leaves one behind. */
export const LASTING: readonly TellingCall[] = [
  call('live', 'sync-directory', 'journal-directory', 6),
  call('live', 'write', 'segment', 12),
  call('live', 'create', 'segment', 4),
  call('live', 'lock', 'segment', 4),
  call('live', 'sync', 'segment', 4),
  call('live', 'unlink', 'segment', 4),
  call('live', 'write', 'checkpoint', 6),
  call('live', 'sync', 'checkpoint', 4),
];

/** In the middle of a checkpoint: a node that starts reads it first. */
export const CHECKPOINTING: readonly TellingCall[] = [
  call('live', 'write', 'checkpoint', 6),
  call('live', 'sync', 'checkpoint', 3),
  call('live', 'sync', 'checkpoint', 1),
];

/** What a tenure does beside its appends, and has to have finished before another one begins. */
export const KEEPING_HOUSE: readonly TellingCall[] = [
  call('live', 'unlink', 'segment', 6),
  call('live', 'unlink', 'segment', 2),
  call('live', 'unlink', 'checkpoint', 2),
  call('live', 'write', 'checkpoint', 6),
  call('live', 'sync', 'checkpoint', 3),
  call('live', 'sync-directory', 'journal-directory', 6),
];

/** Calls that make something last: before each a power cut may leave any part of it. */
export const UNSYNCED: readonly TellingCall[] = [
  call('live', 'sync', 'checkpoint', 1),
  call('live', 'sync', 'checkpoint', 3),
  call('live', 'sync', 'checkpoint', 8),
  call('live', 'sync', 'segment', 5),
  call('live', 'sync-directory', 'journal-directory', 8),
  call('taking-over', 'sync', 'epoch', 1),
  call('taking-over', 'sync', 'segment', 1),
  call('taking-over', 'sync-directory', 'journal-directory', 2),
];

/** What a live node does most: between two of them clients are told, and transactions begin and end. */
export const APPENDING: readonly TellingCall[] = [call('live', 'write', 'segment', 300)];
