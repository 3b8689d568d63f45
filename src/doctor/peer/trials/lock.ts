/** Whether the lock excludes between two hosts, and how soon a killed holder's one is free. */
import type { FileHandle } from '../../../platform/ports.js';
import { expect } from '../../attempts.js';
import { pause } from '../../pause.js';
import { passed, type TrialResult } from '../../trial-result.js';
import { toOurs } from '../clock-offset.js';
import { figuresOf, inTurns, type Ring, type Role } from '../ring.js';

const POLL_MS = 10;
const RELEASE_LIMIT_MS = 60_000;
const BOTH = 'both doctors were given the same lock: it is not shared between them';

export async function tryExclusion(ring: Ring): Promise<TrialResult[]> {
  const takenMs = await inTurns(ring, (isHolder, holder) =>
    isHolder ? holdAndRelease(ring, holder) : takeWhenReleased(ring, holder),
  );
  const { first, second } = ring.names;
  const detail =
    `${second} is kept out while ${first} holds it, and the other way round; ` +
    `after a release the other has it ${takenMs.first.toFixed(0)} and ${takenMs.second.toFixed(0)} ms later`;
  return [
    passed('lock excludes', detail, { figures: figuresOf(ring, 'takenAfterReleaseMs', takenMs) }),
  ];
}

async function holdAndRelease(ring: Ring, holder: Role): Promise<number> {
  const { talk } = ring;
  const handle = await createLocked(ring, `lock-${holder}`);
  await talk.exchange(`${holder}-held`, null);
  const { value: wasGiven } = await talk.exchange<boolean>(`${holder}-tried`, false);
  expect(!wasGiven, BOTH);
  const releasedAtMs = ring.clock.monotonicMs();
  await handle.close();
  const { value: takenMs } = await talk.exchange<number>(`${holder}-released`, releasedAtMs);
  return takenMs;
}

async function takeWhenReleased(ring: Ring, holder: Role): Promise<number> {
  const { talk } = ring;
  await talk.exchange(`${holder}-held`, null);
  const handle = await openExisting(ring, `lock-${holder}`);
  const isGiven = await handle.tryLockExclusive();
  await talk.exchange(`${holder}-tried`, isGiven);
  expect(!isGiven, BOTH);
  const takenAtMs = await lockWithin(ring, handle, RELEASE_LIMIT_MS, 'after it was released');
  // Said before the other's word is heard, which tells when that was.
  const { value: releasedAtMs } = await talk.hear<number>(`${holder}-released`);
  const takenMs = Math.max(0, takenAtMs - toOurs(ring.offset, releasedAtMs));
  await talk.say(`${holder}-released`, takenMs);
  return takenMs;
}

export async function tryKillRelease(ring: Ring): Promise<TrialResult[]> {
  const releasedMs = await inTurns(ring, (isHolder, holder) =>
    isHolder ? holdAndDie(ring, holder) : outliveHolder(ring, holder),
  );
  const at = (holder: Role) =>
    `on ${ring.names[holder]} ${(releasedMs[holder] / 1_000).toFixed(2)} s`;
  const detail = `after kill -9 of the holder ${at('first')}, ${at('second')}, until the other had it`;
  const figures = figuresOf(ring, 'releasedMs', releasedMs);
  return [passed('kill-release', detail, { figures })];
}

async function holdAndDie(ring: Ring, holder: Role): Promise<number> {
  const { talk } = ring;
  const hand = await ring.startHand();
  const handle = await hand.fileSystem.open(`${ring.directory}/kill-${holder}`, 'create-new');
  expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
  await talk.exchange(`${holder}-held`, null);
  const { value: wasGiven } = await talk.exchange<boolean>(`${holder}-polling`, false);
  expect(!wasGiven, BOTH);
  const killedAtMs = ring.clock.monotonicMs();
  await hand.kill();
  const { value: releasedMs } = await talk.exchange<number>(`${holder}-killed`, killedAtMs);
  return releasedMs;
}

async function outliveHolder(ring: Ring, holder: Role): Promise<number> {
  const { talk } = ring;
  await talk.exchange(`${holder}-held`, null);
  const handle = await openExisting(ring, `kill-${holder}`);
  const isGiven = await handle.tryLockExclusive();
  await talk.exchange(`${holder}-polling`, isGiven);
  expect(!isGiven, BOTH);
  const takenAtMs = await lockWithin(ring, handle, RELEASE_LIMIT_MS, 'after kill -9 of its holder');
  const { value: killedAtMs } = await talk.hear<number>(`${holder}-killed`);
  const releasedMs = Math.max(0, takenAtMs - toOurs(ring.offset, killedAtMs));
  await talk.say(`${holder}-killed`, releasedMs);
  return releasedMs;
}

async function createLocked(ring: Ring, name: string): Promise<FileHandle> {
  const hand = await ring.startHand();
  const handle = await hand.fileSystem.open(`${ring.directory}/${name}`, 'create-new');
  expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
  return handle;
}

async function openExisting(ring: Ring, name: string): Promise<FileHandle> {
  const hand = await ring.startHand();
  return hand.fileSystem.open(`${ring.directory}/${name}`, 'update');
}

/** Returns when it was had. */
async function lockWithin(
  ring: Ring,
  handle: FileHandle,
  limitMs: number,
  since: string,
): Promise<number> {
  const deadline = ring.clock.monotonicMs() + limitMs;
  while (!(await handle.tryLockExclusive())) {
    const isLate = ring.clock.monotonicMs() > deadline;
    expect(!isLate, `the lock was not to be had for ${limitMs / 1_000} s ${since}`);
    await pause(ring.clock, POLL_MS);
  }
  return ring.clock.monotonicMs();
}
