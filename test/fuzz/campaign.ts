/**
 * Gives every target its turns until the time is up. A target that failed once gets no more turns:
 * what was found is kept, and it would only be found again.
 */
import { FOUND_DIRECTORY, keepInput } from './found.js';
import type { Failure, FuzzTarget } from './target.js';

export interface CampaignOptions {
  readonly targets: readonly FuzzTarget[];
  readonly minutes: number;
  /** Of the first turn; every turn has one of its own. */
  readonly firstSeed: number;
  readonly turnMs: number;
  /** Where inputs that fail are kept. */
  readonly foundDirectory?: string;
  readonly onTurn: (tally: Tally) => void;
}

export interface Tally {
  readonly target: FuzzTarget;
  inputs: number;
  spentMs: number;
  failure: (Failure & { readonly keptIn: string }) | null;
}

/** At least one turn for each target. */
export async function runCampaign(options: CampaignOptions): Promise<readonly Tally[]> {
  const { targets, minutes, firstSeed, turnMs, foundDirectory = FOUND_DIRECTORY } = options;
  const tallies = targets.map(
    (target): Tally => ({ target, inputs: 0, spentMs: 0, failure: null }),
  );
  const endsAt = performance.now() + minutes * 60_000;
  for (let seed = firstSeed; ; seed += 1) {
    for (const tally of tallies) {
      if (tally.failure !== null) continue;
      const isFirst = tally.spentMs === 0;
      const leftMs = endsAt - performance.now();
      if (!isFirst && leftMs <= 0) return tallies;
      const maxMs = isFirst ? turnMs : Math.min(turnMs, leftMs);
      await takeTurn(tally, seed, maxMs, foundDirectory);
      options.onTurn(tally);
    }
    if (tallies.every(({ failure }) => failure !== null)) return tallies;
  }
}

async function takeTurn(
  tally: Tally,
  seed: number,
  maxMs: number,
  foundDirectory: string,
): Promise<void> {
  const { target } = tally;
  const beganAt = performance.now();
  const maxInputs = Number.MAX_SAFE_INTEGER;
  const { inputs, failure } = await target.run({ seed, maxInputs, maxMs });
  tally.inputs += inputs;
  tally.spentMs += performance.now() - beganAt;
  if (failure === null) return;
  const keptIn = await keepInput(target.name, failure, foundDirectory);
  tally.failure = { ...failure, keptIn };
}
