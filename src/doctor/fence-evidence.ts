/** What the trials have shown of each fence, beside what is known of it from the kind of file system. */
import type { Fence } from './fences.js';
import type { TrialResult } from './trial-result.js';

/** `between-hosts` also holds on one host; `failed` is worse than `no`. */
type Shown = 'between-hosts' | 'on-one-host' | 'no' | 'failed';

export interface ExaminedFence extends Fence {
  readonly shown: Shown;
  /** What was seen, or how it can be. */
  readonly evidence: string;
}

export interface Trials {
  readonly here: readonly TrialResult[];
  readonly withPeer: readonly TrialResult[];
  /** Where the trials with the peer happened. */
  readonly isSameHost: boolean;
}

const NO_EVIDENCE = 'two doctors on two hosts can show it: --peer, and --lease cut on one of them';

export function examineFences(fences: readonly Fence[], trials: Trials): ExaminedFence[] {
  return fences.map((fence) => ({ ...fence, ...evidenceOf(fence, trials) }));
}

function evidenceOf(
  { number }: Fence,
  { here, withPeer, isSameHost }: Trials,
): Pick<ExaminedFence, 'shown' | 'evidence'> {
  const [between, local] = [withPeer, here].map((results) => {
    const about = results.filter(({ fence }) => fence === number);
    return (outcome: TrialResult['outcome']) => about.find((result) => result.outcome === outcome);
  }) as [Find, Find];
  const bad = between('failed') ?? local('failed');
  if (bad !== undefined) return { shown: 'failed', evidence: `${bad.name}: ${bad.detail}` };
  const good = between('passed');
  if (good !== undefined) {
    return { shown: isSameHost ? 'on-one-host' : 'between-hosts', evidence: good.name };
  }
  const goodHere = local('passed');
  if (goodHere !== undefined) return { shown: 'on-one-host', evidence: goodHere.name };
  return { shown: 'no', evidence: between('not-shown')?.detail ?? NO_EVIDENCE };
}

type Find = (outcome: TrialResult['outcome']) => TrialResult | undefined;
