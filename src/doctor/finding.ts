/** What the doctor has to say, and the verdict that follows from it. */

export type Severity = 'note' | 'warning' | 'refuse';
export type Verdict = 'ok' | 'warnings' | 'refuse';

export interface Finding {
  readonly severity: Severity;
  readonly what: string;
  readonly mend: string;
}

export function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some((finding) => finding.severity === 'refuse')) return 'refuse';
  return findings.some((finding) => finding.severity === 'warning') ? 'warnings' : 'ok';
}
