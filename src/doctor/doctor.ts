/**
 * Examines a directory: what its mount promises, and what it does when it is tried out. All trials
 * happen in a subdirectory of the doctor's own, so that a store beside it is never touched.
 */
import { messageOf } from '../platform/errors.js';
import type {
  Clock,
  FileSystem,
  FileSystemProcess,
  HostIdentity,
  MountFacts,
} from '../platform/ports.js';
import { classifyFileSystem, type FileSystemKind } from './file-system-kind.js';
import { type Finding, type Verdict, verdictOf } from './finding.js';
import { runTrials, type TrialResult } from './trials.js';
import { withWorkDirectory } from './work-directory.js';

export interface DoctorOptions {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly identity: HostIdentity;
  readonly isProcessAlive: (pid: number) => boolean;
  readonly readMounts: (directory: string) => Promise<MountFacts>;
  readonly startProcess: () => Promise<FileSystemProcess>;
}

export interface DoctorReport {
  readonly directory: string;
  readonly fileSystem: FileSystemKind;
  /** Empty when the trials could not begin; a finding says why. */
  readonly trials: readonly TrialResult[];
  /** Of the mount and of the trials. */
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
}

/** Throws STORE_MISSING when there is no such directory; everything else is in the report. */
export async function examineDirectory(options: DoctorOptions): Promise<DoctorReport> {
  const { mountInfo, realPath } = await options.readMounts(options.directory);
  const fileSystem = classifyFileSystem(mountInfo, realPath);
  const trials: TrialResult[] = [];
  const findings = [...fileSystem.findings];
  try {
    trials.push(...(await runTrialsIn(options, realPath)));
  } catch (error) {
    findings.push({
      severity: 'refuse',
      what: `nothing could be tried out (${messageOf(error)})`,
      mend: 'give this user write access to the directory',
    });
  }
  findings.push(...trials.filter((trial) => !trial.passed).map(toFinding));
  const verdict = verdictOf(findings);
  return { directory: options.directory, fileSystem, trials, findings, verdict };
}

function runTrialsIn(options: DoctorOptions, root: string): Promise<TrialResult[]> {
  const { fileSystem, clock, startProcess } = options;
  return withWorkDirectory(options, root, (directory) =>
    runTrials({ fileSystem, clock, startProcess, directory }),
  );
}

function toFinding(trial: TrialResult): Finding {
  return {
    severity: 'refuse',
    what: `the trial "${trial.name}" failed: ${trial.detail}`,
    mend: 'use another file system or other mount options',
  };
}
