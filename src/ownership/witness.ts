/**
 * The witness catches the mount that lies: one where a lock is granted to two hosts at once. The
 * live node keeps a heartbeat beside the lock. It decides nothing on a sound mount; but a node
 * that got the lock without ever having seen it contended, while another host's heartbeat goes on,
 * refuses to go live.
 */
import { errnoOf, HoldfastError, messageOf } from '../platform/errors.js';
import { HEARTBEAT_UPDATE_MS, type Heartbeat } from '../platform/heartbeat.js';
import type { Clock, FileSystem, HostIdentity, Timer } from '../platform/ports.js';
import type { LiveDocument } from '../store/documents.js';
import { readLiveDocument } from '../store/known-documents.js';
import type { StoreLayout } from '../store/layout.js';
import { highestEpoch } from './epoch.js';

/** Two whole intervals of a running holder, and half a one for whatever delays it. */
const WITNESS_OBSERVE_MS = 2.5 * HEARTBEAT_UPDATE_MS;
const OBSERVE_STEP_MS = 100;
const RETRY_MS = 1_000;

/** Keeps the heartbeat of the live node in the background; a dead node's goes stale before ours starts. */
export class Witness {
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  readonly #onTrouble: (reason: string) => void;
  #running = false;
  #retry: Timer | null = null;
  #attempt: Promise<void> = Promise.resolve();

  /** `onTrouble` is for the log: without a witness the node goes on. */
  constructor(options: {
    readonly clock: Clock;
    readonly heartbeat: Heartbeat;
    readonly onTrouble: (reason: string) => void;
  }) {
    this.#clock = options.clock;
    this.#heartbeat = options.heartbeat;
    this.#onTrouble = options.onTrouble;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#try();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#retry?.cancel();
    await this.#attempt;
    await this.#heartbeat.stop();
  }

  #try(): void {
    this.#attempt = this.#tryOnce();
  }

  async #tryOnce(): Promise<void> {
    try {
      const started = await this.#heartbeat.tryStart((reason) => {
        this.#onTrouble(reason);
        this.#tryLater();
      });
      if (!started) this.#tryLater();
    } catch (error) {
      this.#onTrouble(messageOf(error));
      this.#tryLater();
    }
  }

  #tryLater(): void {
    if (this.#running) this.#retry = this.#clock.after(RETRY_MS, () => this.#try());
  }
}

export interface WitnessOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly layout: StoreLayout;
}

/**
 * Whether somebody's heartbeat, or the `live` document, changes within `observeMs` of the local
 * monotonic clock. Resolves at the first change.
 */
export async function witnessBeats(options: WitnessOptions, observeMs: number): Promise<boolean> {
  const { clock } = options;
  const deadline = clock.monotonicMs() + observeMs;
  const first = await readSigns(options);
  while (clock.monotonicMs() < deadline) {
    await new Promise<void>((resolve) => clock.after(OBSERVE_STEP_MS, resolve));
    const now = await readSigns(options);
    if (hasChanged(first.witness, now.witness) || hasChanged(first.live, now.live)) return true;
  }
  return false;
}

/**
 * Asked by a node that holds the lock, before it changes anything. Throws LOCK_NOT_SHARED when
 * another host still uses the store. Waits only where the kernel's own lock does not settle it.
 */
export async function mayGoLive(
  options: WitnessOptions & {
    readonly identity: HostIdentity;
    readonly lockSeenContended: boolean;
    readonly lastLive: LiveDocument | null;
  },
): Promise<void> {
  const { layout, lastLive, identity } = options;
  if (options.lockSeenContended) return;
  if (lastLive === null) {
    const names = await options.fileSystem.list(layout.root);
    if (!names.includes('witness.lock')) return;
  } else if (lastLive.state === 'released' || lastLive.bootId === identity.bootId) {
    // Unless somebody has claimed an epoch since, whose `live` this one was written over.
    const newest = await highestEpoch(options.fileSystem, layout.epochsDirectory);
    if (newest <= lastLive.epoch) return;
  }
  if (!(await witnessBeats(options, WITNESS_OBSERVE_MS))) return;
  const now = await readLiveDocument(options.fileSystem, layout);
  const holder = now.kind === 'valid' ? now.document : lastLive;
  const who = holder === null ? 'another host' : `node "${holder.node}" on host ${holder.host}`;
  throw new HoldfastError(
    'LOCK_NOT_SHARED',
    `The lock on ${layout.lockFile} was given to this node while ${who} still uses the store, ` +
      'so this mount does not share locks with other hosts: mount it without nolock, local_lock, ' +
      'nobrl, localflock or the like (`holdfast doctor` names the option), then start this node.',
  );
}

interface Signs {
  readonly witness: string | null;
  readonly live: string | null;
}

async function readSigns(options: WitnessOptions): Promise<Signs> {
  const live = await readLiveDocument(options.fileSystem, options.layout);
  return {
    witness: await readWitnessTime(options),
    live: live.kind === 'valid' ? `${live.document.epoch} ${live.document.beat}` : null,
  };
}

/** Opened afresh: an NFS client that is asked by path may answer from its cache for many seconds. */
async function readWitnessTime(options: WitnessOptions): Promise<string | null> {
  try {
    const handle = await options.fileSystem.open(`${options.layout.witnessTarget}.lock`, 'read');
    try {
      return String((await handle.stat()).modifiedAtMs);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Something that vanished was cleaned up, or was half written as we looked: neither is a beat. */
function hasChanged(before: string | null, now: string | null): boolean {
  return before !== null && now !== null && before !== now;
}
