/** A doctor's report as plain lines of text, and as an object for programs. */
import type { Advice } from './advice.js';
import type { DoctorReport } from './doctor.js';
import type { ExaminedFence } from './fence-evidence.js';
import type { Verdict } from './finding.js';
import type { TrialResult } from './trial-result.js';

const VERDICTS: { readonly [verdict in Verdict]: string } = {
  ok: 'ok: this directory can hold a store',
  warnings: 'warnings: this directory can hold a store, but read the warnings',
  refuse: 'refuse: this directory cannot hold a store',
};

const SHOWN: { readonly [shown in ExaminedFence['shown']]: string } = {
  'between-hosts': 'shown between two hosts',
  'on-one-host': 'shown on one host only',
  no: 'not shown',
  failed: 'SHOWN TO FAIL',
};

const OUTCOMES: { readonly [outcome in TrialResult['outcome']]: string } = {
  passed: 'ok    ',
  failed: 'FAILED',
  'not-shown': '-     ',
};

export function reportLines(report: DoctorReport): string[] {
  const { fileSystem, peer } = report;
  const lines = [
    `directory    ${report.directory}`,
    `file system  ${fileSystem.kind}, ${fileSystem.source} on ${fileSystem.mountPoint}`,
    `options      ${fileSystem.options.join(',')}`,
    '',
    'fences',
  ];
  for (const { number, name, holds, why, shown, evidence } of report.fences) {
    lines.push(`  ${number} ${holds.padEnd(7)} ${name}: ${why}`);
    lines.push(`            ${SHOWN[shown]} (${evidence})`);
  }
  if (report.trials.length > 0) lines.push('', `trials on ${report.host}`);
  lines.push(...report.trials.map(trialLine));
  if (peer !== null) {
    const where = peer.isSameHost ? `process ${peer.pid} of this very host` : `host ${peer.host}`;
    lines.push('', `trials with ${where}`, ...peer.trials.map(trialLine));
  }
  if (report.findings.length > 0) lines.push('', 'findings');
  for (const { severity, what, mend } of report.findings) {
    lines.push(`  ${severity.padEnd(7)} ${what}`, `          -> ${mend}`);
  }
  if (report.advice.length > 0) lines.push('', 'advice');
  lines.push(...report.advice.map(adviceLine));
  lines.push('', `verdict      ${VERDICTS[report.verdict]}`);
  return lines;
}

function trialLine({ name, outcome, detail }: TrialResult): string {
  return `  ${OUTCOMES[outcome]} ${name}: ${detail}`;
}

function adviceLine({ where, setting, now, why }: Advice): string {
  const change = now === null ? '' : ` (now ${now})`;
  return `  ${where.padEnd(7)} ${setting}${change}: ${why}`;
}

/** docs/cli.md describes it; what is there stays. */
export function reportJson(report: DoctorReport): object {
  const { fileSystem, peer } = report;
  const { kind, source, mountPoint, options } = fileSystem;
  return {
    directory: report.directory,
    host: report.host,
    verdict: report.verdict,
    fileSystem: { kind, source, mountPoint, options },
    fences: report.fences,
    trials: report.trials.map(trialJson),
    peer: peer === null ? null : peerJson(peer),
    findings: report.findings,
    advice: report.advice,
  };
}

function peerJson({ host, pid, isSameHost, trials, failure }: NonNullable<DoctorReport['peer']>) {
  return {
    host,
    pid,
    isSameHost,
    trials: trials.map(trialJson),
    failure: failure === null ? null : { code: failure.code, message: failure.message },
  };
}

/** Findings and fences have their own place. */
function trialJson({ name, outcome, detail, figures }: TrialResult) {
  return { name, outcome, detail, figures };
}
