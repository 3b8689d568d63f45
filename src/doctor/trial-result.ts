/** What came of trying one thing out. */
import type { Finding } from './finding.js';

/** `not-shown`: it could not be tried out here; the detail says why, and how it can be. */
type Outcome = 'passed' | 'failed' | 'not-shown';

export interface Figure {
  /** With the unit in the name. */
  readonly what: string;
  /** Where it was measured, when two hosts were at it. */
  readonly host: string | null;
  readonly value: number;
}

export interface TrialResult {
  readonly name: string;
  readonly outcome: Outcome;
  /** What was seen, in a few words. */
  readonly detail: string;
  /** The figures in it, for programs. */
  readonly figures: readonly Figure[];
  /** The fence that it shows to hold, when it has passed. */
  readonly fence: 1 | 2 | 3 | 4 | null;
  readonly findings: readonly Finding[];
}

type Extras = Partial<Pick<TrialResult, 'figures' | 'fence' | 'findings'>>;

export function passed(name: string, detail: string, extras: Extras = {}): TrialResult {
  const { figures = [], fence = null, findings = [] } = extras;
  return { name, outcome: 'passed', detail, figures, fence, findings };
}

/** `extras.findings` replace the usual one, which refuses the directory. */
export function failed(name: string, detail: string, extras: Extras = {}): TrialResult {
  const usual: Finding = {
    severity: 'refuse',
    what: `the trial "${name}" failed: ${detail}`,
    mend: 'use another file system or other mount options',
  };
  const { figures = [], fence = null, findings = [usual] } = extras;
  return { name, outcome: 'failed', detail, figures, fence, findings };
}

export function notShown(name: string, detail: string, extras: Extras = {}): TrialResult {
  const { figures = [], fence = null, findings = [] } = extras;
  return { name, outcome: 'not-shown', detail, figures, fence, findings };
}
