/** One run of a command of the operator's, with what the log tells of it. */
import type { Logger } from '../platform/logger.js';
import type { Clock, CommandRunner } from '../platform/ports.js';

export type HookName = 'onLive' | 'onBackup' | 'onFenced' | 'onStop' | 'fenceCommand';

export interface HookWorld {
  readonly clock: Clock;
  readonly commands: CommandRunner;
  readonly logger: Logger;
  /** Name of this node. */
  readonly node: string;
}

export interface HookRun {
  readonly hook: HookName;
  readonly command: string;
  readonly timeoutMs: number;
  /** What it is told beside its own name and that of the node: `HOLDFAST_EPOCH` and others. */
  readonly facts: { readonly [variable: string]: string };
}

/** Resolves with whether it ended with 0. Never rejects: a hook decides nothing of the node. */
export async function runHook(world: HookWorld, run: HookRun): Promise<boolean> {
  const { clock, commands, logger, node } = world;
  const { hook, command, timeoutMs, facts } = run;
  const sinceMs = clock.monotonicMs();
  const environment = { HOLDFAST_HOOK: hook, HOLDFAST_NODE: node, ...facts };
  const { exitCode, trouble, output } = await commands.run(command, environment, timeoutMs);
  const tookMs = Math.round(clock.monotonicMs() - sinceMs);
  const fields = { hook, command, exitCode, tookMs, output };
  if (exitCode === 0) {
    logger.info('hook-run', fields, `hooks.${hook} ran in ${tookMs} ms`);
    return true;
  }
  const how = trouble ?? `it ended with exit code ${exitCode}`;
  const said = output === '' ? '' : `; it wrote: ${output}`;
  logger.warn('hook-failed', fields, `hooks.${hook} failed: ${how}${said}`);
  return false;
}
