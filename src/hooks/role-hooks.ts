/**
 * Tells the outside world of this node's role, by commands of the operator's: to move a virtual address,
 * to tell a load balancer, to label a pod. They run beside the node, one after another, and hold up
 * nothing but its end; when roles change faster than they run, those in between are left out.
 */
import type { Config } from '../config/schema.js';
import type { Role } from '../ownership/role.js';
import type { HookName, HookWorld } from './hook-run.js';
import { runHook } from './hook-run.js';

type HookSettings = Config['hooks'];
type RoleHook = Exclude<HookName, 'fenceCommand'>;

export interface RoleChange {
  readonly from: Role;
  readonly to: Role;
  /** Number of the tenure, or of the last one that this node knows. */
  readonly epoch: number;
  /** Why, for people; may be empty. */
  readonly reason: string;
}

interface WaitingHook {
  readonly hook: RoleHook;
  readonly change: RoleChange;
}

export class RoleHooks {
  readonly #world: HookWorld;
  #settings: HookSettings;
  #waiting: WaitingHook | null = null;
  #working: Promise<void> | null = null;
  #ending: Promise<void> | null = null;
  #last: RoleChange = { from: 'joining', to: 'joining', epoch: 0, reason: '' };

  constructor(world: HookWorld, settings: HookSettings) {
    this.#world = world;
    this.#settings = settings;
  }

  /** From the next run on. */
  use(settings: HookSettings): void {
    this.#settings = settings;
  }

  roleChanged(change: RoleChange): void {
    this.#last = change;
    if (change.to === 'live') void this.#run('onLive', change);
    if (change.to === 'backup') void this.#run('onBackup', change);
  }

  /** Resolves when the last hook is over. `isFailure`: the node was not told to stop. It ends but once. */
  ended(isFailure: boolean, reason: string): Promise<void> {
    const { epoch, from, to } = this.#last;
    const wasToldOfEnd = to === 'fenced' || to === 'stopped';
    this.#ending ??= this.#run(isFailure ? 'onFenced' : 'onStop', {
      from: wasToldOfEnd ? from : to,
      to: isFailure ? 'fenced' : 'stopped',
      epoch,
      reason,
    });
    return this.#ending;
  }

  #run(hook: RoleHook, change: RoleChange): Promise<void> {
    this.#waiting = { hook, change };
    this.#working ??= this.#work();
    return this.#working;
  }

  async #work(): Promise<void> {
    // It must not be over before it is known as the one that works.
    await Promise.resolve();
    for (let next = this.#take(); next !== null; next = this.#take()) {
      const { hook, change } = next;
      const { [hook]: command = '', timeoutMs } = this.#settings;
      if (command === '') continue;
      const facts = {
        HOLDFAST_ROLE: change.to,
        HOLDFAST_PREVIOUS_ROLE: change.from,
        HOLDFAST_EPOCH: `${change.epoch}`,
        HOLDFAST_REASON: change.reason,
      };
      await runHook(this.#world, { hook, command, timeoutMs, facts });
    }
    this.#working = null;
  }

  #take(): WaitingHook | null {
    const next = this.#waiting;
    this.#waiting = null;
    return next;
  }
}
