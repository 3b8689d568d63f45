/**
 * How late each host sees what the other one did, by four ways of looking. Both hosts are watcher
 * and changer at once. The watcher looks for a while before anything changes, so that its caches
 * hold what was; that is the worst case, and the usual one.
 */
import { errnoOf } from '../../../platform/errors.js';
import type { FileSystem, TrialProcess } from '../../../platform/ports.js';
import { pause } from '../../pause.js';
import { failed, passed, type TrialResult } from '../../trial-result.js';
import { toOurs } from '../clock-offset.js';
import { figuresOf, otherRole, type Ring, type Role } from '../ring.js';

const WARM_UP_MS = 5_000;
const WARM_UP_WHERE_COHERENT_MS = 500;
const POLL_MS = 20;
const SEEN_LIMIT_MS = 75_000;

/** What a new live node gives another host to see that it took over; src/node/takeover.ts. */
const SEEN_IN_TIME_MS = 500;
/** The default of ownership.freshMs. */
const SEEN_TOO_LATE_MS = 2_000;

const LOOKS = ['in-place', 'listing', 'rename', 'new-name'] as const;
type Look = (typeof LOOKS)[number];
type Moments = { readonly [look in Look]: number };
/** Null for what was not seen in time. */
type Delays = { readonly [look in Look]: number | null };

/** Those that no node relies on are measured to be known. */
const LOOK_TEXTS: { readonly [look in Look]: string } = {
  'in-place': 'rewrite in place seen',
  listing: 'new name in a listing seen',
  rename: 'rename over a name seen',
  'new-name': 'name looked for too early seen',
};

export async function tryCaches(ring: Ring): Promise<TrialResult[]> {
  const { talk, role } = ring;
  const changer = await ring.startHand();
  const watcher = await ring.startHand();
  await prepare(changer, `${ring.directory}/${role}`);
  const warmUpMs = ring.isNetwork ? WARM_UP_MS : WARM_UP_WHERE_COHERENT_MS;
  const { value: theirWarmUpMs } = await talk.exchange<number>('prepared', warmUpMs);
  const watched = `${ring.directory}/${otherRole(role)}`;
  const looking = lookAll(ring, watcher.fileSystem, watched);
  // It is awaited below; until then its failure is nobody's.
  looking.catch(() => undefined);
  await pause(ring.clock, Math.max(warmUpMs, theirWarmUpMs));
  const changedAtMs = await change(ring, changer, `${ring.directory}/${role}`);
  const { value: theirsAtMs } = await talk.exchange<Moments>('changed', changedAtMs);
  const seenAtMs = await looking;
  const mine = Object.fromEntries(
    LOOKS.map((look) => {
      const seenMs = seenAtMs[look];
      const changedMs = toOurs(ring.offset, theirsAtMs[look]);
      return [look, seenMs === null ? null : Math.max(0, seenMs - changedMs)];
    }),
  ) as Delays;
  const { value: theirs } = await talk.exchange<Delays>('seen', mine);
  const [first, second] = role === 'first' ? [mine, theirs] : [theirs, mine];
  return LOOKS.map((look) => lookResult(ring, look, { first: first[look], second: second[look] }));
}

function lookResult(
  ring: Ring,
  look: Look,
  lateMs: { readonly [role in Role]: number | null },
): TrialResult {
  const name = LOOK_TEXTS[look];
  const on = (role: Role) => `${seconds(lateMs[role])} on ${ring.names[role]}`;
  const detail = `late by ${on('first')}, ${on('second')}`;
  const figures = figuresOf(ring, 'lateMs', lateMs);
  const [firstMs, secondMs] = [lateMs.first ?? SEEN_LIMIT_MS, lateMs.second ?? SEEN_LIMIT_MS];
  const worstMs = Math.max(firstMs, secondMs);
  if (look === 'rename' || look === 'new-name') {
    return passed(name, `${detail} (nothing relies on it)`, { figures });
  }
  const fence = look === 'in-place' ? 4 : null;
  if (worstMs > SEEN_TOO_LATE_MS) {
    return failed(name, `${detail}; nodes need it within ${seconds(SEEN_IN_TIME_MS)}`, {
      figures,
      fence,
    });
  }
  const what = `${name} ${seconds(worstMs)} late, and nodes need it within ${seconds(SEEN_IN_TIME_MS)}`;
  const mend = 'look for what slows this file server down, and run this again';
  const findings = worstMs > SEEN_IN_TIME_MS ? [{ severity: 'warning' as const, what, mend }] : [];
  return passed(name, detail, { figures, fence, findings });
}

function seconds(ms: number | null): string {
  return ms === null ? `more than ${SEEN_LIMIT_MS / 1_000} s` : `${(ms / 1_000).toFixed(2)} s`;
}

/**
 * Three directories, because a listing brings news of all names in a directory, and each way of
 * looking shall have only its own.
 */
async function prepare({ fileSystem }: TrialProcess, base: string): Promise<void> {
  for (const directory of [base, `${base}-listing`, `${base}-names`]) {
    await fileSystem.makeDirectory(directory);
  }
  for (const name of ['in-place', 'renamed']) await writeByte(fileSystem, `${base}/${name}`, 1);
  await writeByte(fileSystem, `${base}-names/there`, 1);
}

/** When each change was complete, by our clock. */
async function change(
  ring: Ring,
  { fileSystem, rename }: TrialProcess,
  base: string,
): Promise<Moments> {
  const now = () => ring.clock.monotonicMs();
  const inPlace = await fileSystem.open(`${base}/in-place`, 'update');
  await inPlace.write(Uint8Array.of(2), 0);
  await inPlace.sync();
  const moments: { [look in Look]?: number } = { 'in-place': now() };
  await inPlace.close();
  await writeByte(fileSystem, `${base}-listing/new`, 1);
  moments.listing = now();
  await writeByte(fileSystem, `${base}/replacement`, 2);
  await rename(`${base}/replacement`, `${base}/renamed`);
  moments.rename = now();
  await writeByte(fileSystem, `${base}-names/new`, 1);
  moments['new-name'] = now();
  return moments as Moments;
}

/** When each change was first seen, by our clock. */
async function lookAll(ring: Ring, fileSystem: FileSystem, base: string): Promise<Delays> {
  const isSeen: { readonly [look in Look]: () => Promise<boolean> } = {
    'in-place': async () => (await readByte(fileSystem, `${base}/in-place`)) === 2,
    listing: async () => (await fileSystem.list(`${base}-listing`)).includes('new'),
    rename: async () => (await readByte(fileSystem, `${base}/renamed`)) === 2,
    'new-name': async () => (await readByte(fileSystem, `${base}-names/new`)) === 1,
  };
  const seenAtMs: { [look in Look]?: number } = {};
  const deadline = ring.clock.monotonicMs() + SEEN_LIMIT_MS;
  while (LOOKS.some((look) => seenAtMs[look] === undefined)) {
    if (ring.clock.monotonicMs() > deadline) break;
    for (const look of LOOKS) {
      if (seenAtMs[look] === undefined && (await isSeen[look]())) {
        seenAtMs[look] = ring.clock.monotonicMs();
      }
    }
    await pause(ring.clock, POLL_MS);
  }
  const entries = LOOKS.map((look) => [look, seenAtMs[look] ?? null]);
  return Object.fromEntries(entries) as Delays;
}

async function writeByte(fileSystem: FileSystem, path: string, byte: number): Promise<void> {
  const handle = await fileSystem.open(path, 'create-new');
  await handle.write(Uint8Array.of(byte), 0);
  await handle.sync();
  await handle.close();
}

/** Null while there is no such file. */
async function readByte(fileSystem: FileSystem, path: string): Promise<number | null> {
  try {
    const handle = await fileSystem.open(path, 'read');
    const bytes = new Uint8Array(1);
    const length = await handle.read(bytes, 0);
    await handle.close();
    return length === 1 ? (bytes[0] ?? null) : null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ESTALE') return null;
    throw error;
  }
}
