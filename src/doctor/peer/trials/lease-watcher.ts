/** The lease trial on the host that stays: it asks for the lock until it has it. */
import { HoldfastError } from '../../../platform/errors.js';
import type { FileHandle, FileSystem } from '../../../platform/ports.js';
import { expect } from '../../attempts.js';
import { pause } from '../../pause.js';
import { toOurs } from '../clock-offset.js';
import { otherRole, type Ring } from '../ring.js';
import { encodeRecord, holderTime, type LeaseOutcome, RECORD_BYTES } from './lease-outcome.js';

const POLL_MS = 100;
/** For a person to go there and do it. */
const BEGIN_LIMIT_MS = 300_000;
/** Without news of the holder for so long, it counts as cut off. */
const CUT_SIGN_MS = 3_000;
const LEASE_LIMIT_MS = 300_000;
const RETURN_LIMIT_MS = 600_000;
/** No server's lease: a lock that is free so soon was given back, or its process was killed. */
const SHORTEST_LEASE_MS = 3_000;

export type Taken =
  | { readonly kind: 'not-cut'; readonly why: string }
  | { readonly kind: 'kept'; readonly why: string }
  | { readonly kind: 'taken'; readonly leaseMs: number };

export async function watchForTheLock(ring: Ring): Promise<LeaseOutcome> {
  const { talk } = ring;
  const path = `${ring.directory}/lease`;
  await talk.exchange('held', null);
  const { fileSystem } = await ring.startHand();
  const handle = await fileSystem.open(path, 'update');
  expect(!(await handle.tryLockExclusive()), 'both doctors were given the same lock');
  await talk.exchange('watching', null);
  const holder = ring.names[otherRole(ring.role)];
  ring.tell(`waiting until ${holder} is cut off; its own doctor says how`);
  const end = await takeTheLock(ring, handle, path);
  if (end === 'not-cut') {
    return sayNotCut(ring, `${holder} was not cut off within ${BEGIN_LIMIT_MS / 1_000} s`);
  }
  if (end === 'kept') return sayKept(ring, holder);
  const takenAtMs = ring.clock.monotonicMs();
  const records = await readRecords(fileSystem, path);
  const lastWriteMs = holderTime(records.at(-1) ?? new Uint8Array()) ?? Number.NaN;
  const leaseMs = takenAtMs - toOurs(ring.offset, lastWriteMs);
  if (!(leaseMs > SHORTEST_LEASE_MS)) {
    return sayNotCut(ring, `${holder} gave the lock back by itself, without having been cut off`);
  }
  const mine = encodeRecord('watcher', takenAtMs);
  await handle.write(mine, records.length * RECORD_BYTES);
  await handle.sync();
  return awaitReturn(ring, { path, fileSystem, leaseMs, records: [...records, mine] });
}

async function sayNotCut(ring: Ring, why: string): Promise<LeaseOutcome> {
  const taken: Taken = { kind: 'not-cut', why };
  await ring.talk.exchange('taken', taken);
  return taken;
}

/** The holder may be gone for good, so it is not waited for. */
async function sayKept(ring: Ring, holder: string): Promise<LeaseOutcome> {
  const why = `the lock of ${holder} was not free ${LEASE_LIMIT_MS / 1_000} s after its last write`;
  const taken: Taken = { kind: 'kept', why };
  await ring.talk.say('taken', taken);
  ring.talk.leave();
  return taken;
}

/** `not-cut`: the holder has gone on writing all the time. */
async function takeTheLock(
  ring: Ring,
  handle: FileHandle,
  path: string,
): Promise<'taken' | 'not-cut' | 'kept'> {
  const { clock } = ring;
  const news = new HolderNews(ring, (await ring.startHand()).fileSystem, path);
  const beginBeforeMs = clock.monotonicMs() + BEGIN_LIMIT_MS;
  let isCut = false;
  while (!(await handle.tryLockExclusive())) {
    news.look();
    const silentMs = news.silentMs();
    if (silentMs > CUT_SIGN_MS !== isCut) {
      isCut = !isCut;
      ring.tell(isCut ? 'it writes no more; waiting for its lock' : 'it writes again');
    }
    if (silentMs > LEASE_LIMIT_MS) return 'kept';
    if (!isCut && clock.monotonicMs() > beginBeforeMs) return 'not-cut';
    await pause(clock, POLL_MS);
  }
  return 'taken';
}

/** Looks by itself, so that asking for the lock never waits behind an open() that hangs. */
class HolderNews {
  readonly #ring: Ring;
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  #isLooking = false;
  #sizeBytes = 0;
  #changedAtMs: number;

  constructor(ring: Ring, fileSystem: FileSystem, path: string) {
    this.#ring = ring;
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#changedAtMs = ring.clock.monotonicMs();
  }

  silentMs(): number {
    return this.#ring.clock.monotonicMs() - this.#changedAtMs;
  }

  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const ended = (): void => {
      this.#isLooking = false;
    };
    // A look that failed brought no news; the next one may.
    this.#lookOnce().then(ended, ended);
  }

  async #lookOnce(): Promise<void> {
    const handle = await this.#fileSystem.open(this.#path, 'read');
    const { sizeBytes } = await handle.stat();
    await handle.close();
    if (sizeBytes === this.#sizeBytes) return;
    this.#sizeBytes = sizeBytes;
    this.#changedAtMs = this.#ring.clock.monotonicMs();
  }
}

interface Takeover {
  readonly path: string;
  readonly fileSystem: FileSystem;
  readonly leaseMs: number;
  /** With the watcher's own one at the end. */
  readonly records: readonly Uint8Array[];
}

async function awaitReturn(ring: Ring, takeover: Takeover): Promise<LeaseOutcome> {
  const { talk } = ring;
  const { leaseMs } = takeover;
  const freed = `its lock was free after ${(leaseMs / 1_000).toFixed(1)} s`;
  const taken: Taken = { kind: 'taken', leaseMs };
  await talk.say('taken', taken);
  if (ring.toBeCut?.how === 'power-off') {
    ring.tell(freed);
    talk.leave();
    return { kind: 'cut', leaseMs, late: null };
  }
  ring.tell(`${freed}; join the host again (waiting for it up to ${RETURN_LIMIT_MS / 1_000} s)`);
  const limits = { answerMs: RETURN_LIMIT_MS, silenceMs: RETURN_LIMIT_MS };
  const answers = await hearIfItReturns(() => talk.hear<string[]>('taken', limits));
  if (answers === null) {
    talk.leave();
    return { kind: 'cut', leaseMs, late: null };
  }
  const landed = await hasLanded(takeover);
  await talk.exchange('checked', landed);
  return { kind: 'cut', leaseMs, late: { answers, landed } };
}

async function hearIfItReturns(
  hear: () => Promise<{ readonly value: string[] }>,
): Promise<string[] | null> {
  try {
    return (await hear()).value;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'PEER_GONE') return null;
    throw error;
  }
}

/** Whether the file is another one than the watcher left. */
async function hasLanded({ fileSystem, path, records }: Takeover): Promise<boolean> {
  const found = await readRecords(fileSystem, path);
  return Buffer.compare(Buffer.concat(found), Buffer.concat(records)) !== 0;
}

async function readRecords(fileSystem: FileSystem, path: string): Promise<Uint8Array[]> {
  const handle = await fileSystem.open(path, 'read');
  const bytes = new Uint8Array((await handle.stat()).sizeBytes);
  const length = await handle.read(bytes, 0);
  await handle.close();
  const records: Uint8Array[] = [];
  for (let offset = 0; offset < length; offset += RECORD_BYTES) {
    records.push(bytes.subarray(offset, offset + RECORD_BYTES));
  }
  return records;
}
