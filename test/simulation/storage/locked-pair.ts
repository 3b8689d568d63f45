/** Two hosts with one file of a shared storage, for the tests of what one of them notices of the other. */
import assert from 'node:assert/strict';
import { errnoOf } from '../../../src/platform/errors.js';
import type { FileHandle, OpenMode } from '../../../src/platform/ports.js';
import type { StorageKind } from './shared-storage.js';
import { type RigOptions, type RigProcess, StorageRig } from './storage-rig.js';

export const STORE = '/store';
export const PATH = `${STORE}/file`;

export interface Hosts {
  readonly rig: StorageRig;
  readonly a: RigProcess;
  readonly b: RigProcess;
}

export interface Pair extends Hosts {
  /** Locked. */
  readonly mine: FileHandle;
  readonly theirs: FileHandle;
}

type HostOptions = Omit<RigOptions, 'kind'> & { readonly text?: string };
/** Both descriptors of a pair write durably unless told otherwise. */
type PairOptions = HostOptions & { readonly mode?: OpenMode };

export async function makeHosts(kind: StorageKind, options: HostOptions = {}): Promise<Hosts> {
  const { text = '', ...rigOptions } = options;
  const rig = new StorageRig({ ...rigOptions, kind });
  await rig.storage.truth.makeDirectory(STORE);
  const handle = await rig.storage.truth.open(PATH, 'create');
  if (text !== '') await handle.write(Buffer.from(text), 0);
  return { rig, a: rig.startProcess('a'), b: rig.startProcess('b') };
}

export async function makePair(kind: StorageKind, options: PairOptions = {}): Promise<Pair> {
  const { mode = 'write-durable', ...hostOptions } = options;
  const { rig, a, b } = await makeHosts(kind, hostOptions);
  const mine = await rig.settled(a.fileSystem.open(PATH, mode));
  const theirs = await rig.settled(b.fileSystem.open(PATH, mode));
  assert.equal(await rig.settled(mine.tryLockExclusive()), true);
  return { rig, a, b, mine, theirs };
}

/** What lies on the server. */
export async function textOf(rig: StorageRig, path = PATH): Promise<string> {
  return readText(await rig.storage.truth.open(path, 'read'));
}

export async function readText(handle: FileHandle): Promise<string> {
  const bytes = new Uint8Array(100);
  return Buffer.from(bytes.subarray(0, await handle.read(bytes, 0))).toString();
}

/** The errno with which a call fails, or 'done'. */
export function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: unknown) => errnoOf(error) ?? 'unknown',
  );
}

export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

/** `mine` hangs in a write until after the lease, `theirs` tries to lock and writes, `mine` gets through. */
export async function overlap({
  rig,
  mine,
  theirs,
}: Pair): Promise<{ locked: boolean; late: string }> {
  rig.storage.cutOff('a', 'both');
  const late = outcomeOf(mine.write(Buffer.from('late'), 0));
  await rig.pass(12_000);
  const locked = await rig.settled(theirs.tryLockExclusive());
  await rig.settled(theirs.write(Buffer.from('new life'), 0));
  rig.storage.heal('a');
  return { locked, late: await rig.settled(late) };
}

/** How long `isSo`, asked again and again, takes to become true. */
export async function timeUntil(
  rig: StorageRig,
  everyMs: number,
  isSo: () => Promise<boolean>,
): Promise<number> {
  const beganMs = rig.scheduler.nowMs;
  const poll = async (): Promise<void> => {
    while (!(await isSo())) {
      await new Promise<void>((resolve) => rig.scheduler.schedule(everyMs, resolve));
    }
  };
  await rig.settled(poll());
  return rig.scheduler.nowMs - beganMs;
}

export async function writeAndSync(
  rig: StorageRig,
  handle: FileHandle,
  text: string,
  position = 0,
): Promise<void> {
  await rig.settled(handle.write(Buffer.from(text), position));
  await rig.settled(handle.sync());
}

interface CutOff extends Pair {
  /** Has 'AAAA' to send after 'log:'. */
  readonly writer: FileHandle;
  /** Of `writer`: hangs until the network is healed. */
  readonly syncing: Promise<string>;
  /** From the last call of A that came through until B had the lock. */
  readonly lockedAfterMs: number;
}

/** A, which holds the lock, is cut off in the middle of a sync until B has it. */
export async function cutOffUntilLocked(
  seed: number,
  openWriter?: (pair: Pair) => Promise<FileHandle>,
): Promise<CutOff> {
  const pair = await makePair('nfs4', { seed, mode: 'update' });
  const { rig, theirs } = pair;
  const writer = openWriter === undefined ? pair.mine : await rig.settled(openWriter(pair));
  const lastCallMs = rig.scheduler.nowMs;
  await writeAndSync(rig, writer, 'log:');
  rig.storage.cutOff('a', 'both');
  await rig.settled(writer.write(Buffer.from('AAAA'), 4));
  const syncing = outcomeOf(writer.sync());
  await timeUntil(rig, 100, () => theirs.tryLockExclusive());
  const lockedAfterMs = rig.scheduler.nowMs - lastCallMs;
  return { ...pair, writer, syncing, lockedAfterMs };
}
