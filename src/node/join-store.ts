/**
 * The first step of a node: a store to work on. It waits until there is one, and makes it itself when
 * it gets the election lock of a new one. Storage thread.
 */

import type { ElectionLock } from '../ownership/election.js';
import { errnoOf } from '../platform/errors.js';
import type { Clock, FileSystem, Random } from '../platform/ports.js';
import type { StoreDocument } from '../store/documents.js';
import type { StoreLayout } from '../store/layout.js';
import { initialiseStore, inspectStore, requireWritableStore } from '../store/store-file.js';

/** A store that is half made was left so by a killed process, or is being made on another host right now. */
const OTHER_INITIALISER_LIMIT_MS = 2_500;

export interface JoinOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly layout: StoreLayout;
  readonly version: string;
  readonly lockPollIntervalMs: number;
  /** Stays held when the store was made by this very node, for it goes live next. */
  readonly electionLock: ElectionLock;
  readonly isStopping: () => boolean;
}

/**
 * Null when the node was stopped before there was a store. Throws STORE_MISSING, STORE_UNWRITABLE,
 * STORE_INCOMPATIBLE or STORE_DAMAGED.
 */
export async function joinStore(options: JoinOptions): Promise<StoreDocument | null> {
  const { fileSystem, clock, layout, electionLock, lockPollIntervalMs } = options;
  let state = await inspectStore(fileSystem, layout);
  await requireWritableStore(fileSystem, layout);
  while (state.kind !== 'ready') {
    if (options.isStopping()) return null;
    if (await electionLock.tryAcquire()) await initialise(options);
    state = await inspectStore(fileSystem, layout);
    if (state.kind === 'ready') break;
    await new Promise<void>((resolve) => clock.after(lockPollIntervalMs, resolve));
  }
  return state.store;
}

/** Holds the election lock. */
async function initialise(options: JoinOptions): Promise<void> {
  const { fileSystem, clock, random, layout, version } = options;
  const state = await inspectStore(fileSystem, layout);
  if (state.kind === 'ready') return;
  const { isBegun } = state;
  if (isBegun) {
    await new Promise<void>((resolve) => clock.after(OTHER_INITIALISER_LIMIT_MS, resolve));
    if ((await inspectStore(fileSystem, layout)).kind === 'ready') return;
  }
  const createdBy = `holdfast ${version}`;
  try {
    await initialiseStore({ fileSystem, layout, clock, random, createdBy, isBegun });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
