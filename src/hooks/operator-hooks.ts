/** All commands that the operator may have given, beside one node. */
import type { Config } from '../config/schema.js';
import type { LiveDocument } from '../store/documents.js';
import { FenceCommand } from './fence-command.js';
import type { HookWorld } from './hook-run.js';
import { type RoleChange, RoleHooks } from './role-hooks.js';

/** How long a process that has to be killed waits for its last hook, which goes on afterwards. */
const LAST_HOOK_LIMIT_MS = 2_000;

export class OperatorHooks {
  readonly #world: HookWorld;
  readonly #role: RoleHooks;
  readonly #fence: FenceCommand;
  #isKilling = false;

  constructor(world: HookWorld, settings: Config['hooks']) {
    this.#world = world;
    this.#role = new RoleHooks(world, settings);
    this.#fence = new FenceCommand(world, settings);
  }

  /** In place of the settings of before, from the next run on. */
  use(settings: Config['hooks']): void {
    this.#role.use(settings);
    this.#fence.use(settings);
  }

  roleChanged(change: RoleChange): void {
    this.#role.roleChanged(change);
  }

  liveSilent(live: LiveDocument, silentMs: number): void {
    void this.#fence.liveSilent(live, silentMs);
  }

  /** The node has ended, by itself or as it was told. Resolves when its last hook is over. */
  ended(isFailure: boolean, reason: string): Promise<void> {
    return this.#role.ended(isFailure, reason);
  }

  /** This process has to be killed: `kill` is called when the last hook is over, or has had its time. */
  beforeKill(reason: string, kill: () => void): void {
    if (this.#isKilling) return;
    this.#isKilling = true;
    this.#world.clock.after(LAST_HOOK_LIMIT_MS, kill);
    void this.ended(true, reason).then(kill);
  }
}
