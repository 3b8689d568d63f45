/**
 * Run by a backup that sees the live node silent while the store answers itself: to power that node's
 * host off, or to make the file server end its lease, sooner than the lease would run out. It decides
 * nothing: whoever gets the lock is live, whatever the command did.
 */
import type { Config } from '../config/schema.js';
import type { LiveDocument } from '../store/documents.js';
import { type HookWorld, runHook } from './hook-run.js';

export class FenceCommand {
  readonly #world: HookWorld;
  #settings: Config['hooks'];
  #isRunning = false;
  /** Of the tenure that was fenced already, since it was heard of last. */
  #fencedEpoch = 0;
  /** A run that failed is tried again when the silence is this much longer. */
  #nextAtMs = 0;

  constructor(world: HookWorld, settings: Config['hooks']) {
    this.#world = world;
    this.#settings = settings;
  }

  /** From the next silence on. */
  use(settings: Config['hooks']): void {
    this.#settings = settings;
  }

  /** To be called about once a second while `live` is silent, and with 0 when it is heard again. */
  async liveSilent(live: LiveDocument, silentMs: number): Promise<void> {
    const { fenceCommand = '', fenceAfterMs, timeoutMs } = this.#settings;
    if (silentMs < fenceAfterMs) {
      this.#fencedEpoch = 0;
      this.#nextAtMs = 0;
      return;
    }
    const isDone = this.#isRunning || this.#fencedEpoch === live.epoch;
    if (fenceCommand === '' || isDone || silentMs < this.#nextAtMs) return;
    this.#isRunning = true;
    this.#world.logger.warn(
      'live-silent',
      { live: live.node, host: live.host, epoch: live.epoch, silentMs: Math.round(silentMs) },
      `${live.node} on ${live.host} is live and has been silent for ${Math.round(silentMs / 1000)} s: hooks.fenceCommand is run`,
    );
    const isFenced = await runHook(this.#world, {
      hook: 'fenceCommand',
      command: fenceCommand,
      timeoutMs,
      facts: {
        HOLDFAST_LIVE_NODE: live.node,
        HOLDFAST_LIVE_HOST: live.host,
        HOLDFAST_EPOCH: `${live.epoch}`,
        HOLDFAST_SILENT_MS: `${Math.round(silentMs)}`,
      },
    });
    this.#isRunning = false;
    if (isFenced) this.#fencedEpoch = live.epoch;
    else this.#nextAtMs = silentMs + fenceAfterMs;
  }
}
