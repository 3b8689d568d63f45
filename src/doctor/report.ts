/** A doctor's report as plain lines of text. */
import type { DoctorReport } from './doctor.js';
import type { Verdict } from './finding.js';

const VERDICTS: { readonly [verdict in Verdict]: string } = {
  ok: 'ok: this directory can hold a store',
  warnings: 'warnings: this directory can hold a store, but read the warnings',
  refuse: 'refuse: this directory cannot hold a store',
};

export function reportLines(report: DoctorReport): string[] {
  const { fileSystem } = report;
  const lines = [
    `directory    ${report.directory}`,
    `file system  ${fileSystem.kind}, ${fileSystem.source} on ${fileSystem.mountPoint}`,
    `options      ${fileSystem.options.join(',')}`,
    '',
    'fences',
  ];
  for (const { number, name, holds, why } of fileSystem.fences) {
    lines.push(`  ${number} ${holds.padEnd(7)} ${name}: ${why}`);
  }
  if (report.trials.length > 0) lines.push('', 'trials');
  for (const { name, passed, detail } of report.trials) {
    lines.push(`  ${passed ? 'ok    ' : 'FAILED'} ${name}: ${detail}`);
  }
  if (report.findings.length > 0) lines.push('', 'findings');
  for (const { severity, what, mend } of report.findings) {
    lines.push(`  ${severity.padEnd(7)} ${what}`, `          -> ${mend}`);
  }
  lines.push('', `verdict      ${VERDICTS[report.verdict]}`);
  return lines;
}
