/**
 * Fence 3 between hosts: a file that one host has open and locked is copied to a new name by the
 * other, as a takeover does, and unlinked. What the first one writes late must be in neither.
 */
import { errnoOf } from '../../../platform/errors.js';
import type { FileHandle } from '../../../platform/ports.js';
import { expect, writeLate } from '../../attempts.js';
import { pause } from '../../pause.js';
import { passed, type TrialResult } from '../../trial-result.js';
import { inTurns, type Ring, type Role } from '../ring.js';

const BLOCK_BYTES = 4096;
const TOLD_LIMIT_MS = 15_000;
const TOLD_STEP_MS = 50;

interface Late {
  /** `ok`, or the error. */
  readonly answer: string;
  /** From the late write until the holder is told by an error or by the link count; null: never. */
  readonly toldMs: number | null;
}

export async function tryReplacedFile(ring: Ring): Promise<TrialResult[]> {
  const late = await inTurns(ring, (isHolder, holder) =>
    isHolder ? holdAndWriteLate(ring, holder) : replace(ring, holder),
  );
  const texts = (['first', 'second'] as const).map((role) => lateText(ring, role, late[role]));
  const untold = Object.values(late).some(({ toldMs }) => toldMs === null);
  expect(
    !untold || ring.isSameHost,
    'a host is not told that its file was unlinked by another one',
  );
  return [passed('replaced file', texts.join('; '), { fence: 3 })];
}

function lateText(ring: Ring, role: Role, { answer, toldMs }: Late): string {
  const host = ring.names[role];
  if (answer !== 'ok') return `a late write of ${host} meets ${answer}`;
  const told =
    toldMs === null
      ? 'and it is not told (both are on one host)'
      : `and it is told within ${(toldMs / 1_000).toFixed(2)} s`;
  return `a late write of ${host} goes nowhere, ${told}`;
}

async function holdAndWriteLate(ring: Ring, holder: Role): Promise<Late> {
  const { talk } = ring;
  const hand = await ring.startHand();
  const path = `${ring.directory}/segment-${holder}`;
  const handle = await hand.fileSystem.open(path, 'create-new');
  expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
  await handle.write(new Uint8Array(BLOCK_BYTES).fill(1), 0);
  await handle.sync();
  await talk.exchange(`${holder}-written`, null);
  await talk.exchange(`${holder}-replaced`, null);
  const late = await writeAndAsk(ring, handle);
  await talk.exchange(`${holder}-late`, late);
  await talk.exchange(`${holder}-checked`, null);
  return late;
}

async function replace(ring: Ring, holder: Role): Promise<Late> {
  const { talk } = ring;
  const { fileSystem } = await ring.startHand();
  await talk.exchange(`${holder}-written`, null);
  const path = `${ring.directory}/segment-${holder}`;
  const old = await fileSystem.open(path, 'read');
  const bytes = new Uint8Array(BLOCK_BYTES);
  const found = await old.read(bytes, 0);
  await old.close();
  expect(found === BLOCK_BYTES && isAll(bytes, 1), 'what a host synced is not what another reads');
  const successorPath = `${ring.directory}/successor-${holder}`;
  const successor = await fileSystem.open(successorPath, 'create-new');
  await successor.write(bytes, 0);
  await successor.sync();
  await fileSystem.unlink(path);
  await talk.exchange(`${holder}-replaced`, null);
  const { value: late } = await talk.exchange<Late | null>(`${holder}-late`, null);
  await successor.close();
  const reread = await fileSystem.open(successorPath, 'read');
  const after = new Uint8Array(2 * BLOCK_BYTES);
  const length = await reread.read(after, 0);
  await reread.close();
  const isUntouched = length === BLOCK_BYTES && isAll(after.subarray(0, length), 1);
  expect(isUntouched, 'a late write reached the file that took the place of the old one');
  await talk.exchange(`${holder}-checked`, null);
  return late ?? { answer: 'ok', toldMs: null };
}

async function writeAndAsk(ring: Ring, handle: FileHandle): Promise<Late> {
  const answer = await writeLate(handle, new Uint8Array(BLOCK_BYTES).fill(2), BLOCK_BYTES);
  const beganMs = ring.clock.monotonicMs();
  if (answer !== 'ok') return { answer, toldMs: 0 };
  for (;;) {
    const elapsedMs = ring.clock.monotonicMs() - beganMs;
    if (await isTold(handle)) return { answer, toldMs: elapsedMs };
    if (elapsedMs > TOLD_LIMIT_MS) return { answer, toldMs: null };
    await pause(ring.clock, TOLD_STEP_MS);
  }
}

/** What a file server says of a file that is gone, or whose lock is lost. */
const TELLING_ERRORS: readonly string[] = ['ESTALE', 'EIO'];

async function isTold(handle: FileHandle): Promise<boolean> {
  try {
    return (await handle.stat()).linkCount === 0;
  } catch (error) {
    if (TELLING_ERRORS.includes(errnoOf(error) ?? '')) return true;
    throw error;
  }
}

function isAll(bytes: Uint8Array, value: number): boolean {
  return bytes.every((byte) => byte === value);
}
