/**
 * Examines a directory: what its mount promises, and what it does when it is tried out. All trials
 * happen in a subdirectory of the doctor's own, so that a store beside it is never touched.
 */
import { errnoOf, messageOf } from '../platform/errors.js';
import type {
  Clock,
  FileSystem,
  HostIdentity,
  MountFacts,
  Patience,
  TrialProcess,
} from '../platform/ports.js';
import { type Advice, adviceFor } from './advice.js';
import { type ExaminedFence, examineFences } from './fence-evidence.js';
import { classifyFileSystem, type FileSystemKind } from './file-system-kind.js';
import { type Finding, type Verdict, verdictOf } from './finding.js';
import { examineWithPeer, type PeerReport, type PeerRequest } from './peer/examination.js';
import { PEER_TRIALS } from './peer/trials.js';
import type { TrialResult } from './trial-result.js';
import { runSpeedTrial, runTrials } from './trials.js';
import { withWorkDirectory } from './work-directory.js';

export interface DoctorOptions {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly identity: HostIdentity;
  readonly isProcessAlive: (pid: number) => boolean;
  readonly readMounts: (directory: string) => Promise<MountFacts>;
  readonly startProcess: (patience?: Patience) => Promise<TrialProcess>;
  /** To try it out together with the doctor of another host, or null. */
  readonly peer: PeerRequest | null;
}

export interface DoctorReport {
  readonly directory: string;
  readonly host: string;
  readonly fileSystem: FileSystemKind;
  readonly fences: readonly ExaminedFence[];
  /** On this host. Empty when the trials could not begin; a finding says why. */
  readonly trials: readonly TrialResult[];
  /** Null when no other doctor was asked for. */
  readonly peer: PeerReport | null;
  /** Of the mount and of the trials. */
  readonly findings: readonly Finding[];
  readonly advice: readonly Advice[];
  readonly verdict: Verdict;
}

/**
 * Throws STORE_MISSING when there is no such directory, and what kept two doctors from beginning;
 * everything else is in the report.
 */
export async function examineDirectory(options: DoctorOptions): Promise<DoctorReport> {
  const { mountInfo, realPath } = await options.readMounts(options.directory);
  const fileSystem = classifyFileSystem(mountInfo, realPath);
  const trials: TrialResult[] = [];
  const findings = [...fileSystem.findings];
  let canTry = true;
  try {
    trials.push(...(await runTrialsIn(options, realPath)));
  } catch (error) {
    canTry = false;
    findings.push({
      severity: 'refuse',
      what: `nothing could be tried out (${messageOf(error)})`,
      mend: MENDS[errnoOf(error) ?? ''] ?? GIVE_ACCESS,
    });
  }
  const peer = canTry ? await examinePeer(options, realPath, fileSystem) : null;
  findings.push(...[...trials, ...(peer?.trials ?? [])].flatMap((trial) => trial.findings));
  if (peer !== null) findings.push(...peerFindings(peer, fileSystem));
  const tried = {
    here: trials,
    withPeer: peer?.trials ?? [],
    isSameHost: peer?.isSameHost ?? true,
  };
  return {
    directory: options.directory,
    host: options.identity.host,
    fileSystem,
    fences: examineFences(fileSystem.fences, tried),
    trials,
    peer,
    findings,
    advice: adviceFor(fileSystem),
    verdict: verdictOf(findings),
  };
}

const GIVE_ACCESS = 'give this user write access to the directory';
const MENDS: { readonly [errno: string]: string } = {
  ENOTDIR: 'name a directory',
  EROFS: 'mount it read-write',
  ENOSPC: 'make room on its file system',
  EDQUOT: 'make room in the quota of this user',
};

function runTrialsIn(options: DoctorOptions, root: string): Promise<TrialResult[]> {
  const { fileSystem, clock, startProcess, peer } = options;
  return withWorkDirectory(options, root, async (directory) => {
    const ring = { fileSystem, clock, startProcess, directory };
    const results = await runTrials(ring);
    // Two doctors take turns at this one, so that neither slows the other.
    return peer === null ? [...results, await runSpeedTrial(ring)] : results;
  });
}

async function examinePeer(
  options: DoctorOptions,
  root: string,
  { isNetwork, fence1Enforced }: FileSystemKind,
): Promise<PeerReport | null> {
  const { peer: request } = options;
  return request === null
    ? null
    : await examineWithPeer({
        ...options,
        root,
        request,
        trials: PEER_TRIALS,
        isNetwork,
        fence1Enforced,
      });
}

function peerFindings(peer: PeerReport, { family, kind }: FileSystemKind): Finding[] {
  const findings: Finding[] = [];
  if (peer.failure !== null) {
    findings.push({
      severity: 'warning',
      what: `the trials of two doctors ended before all were made (${peer.failure.message})`,
      mend: 'run both again',
    });
  }
  if (peer.isSameHost && family !== 'local') {
    findings.push({
      severity: 'warning',
      what: 'both doctors ran on one host (one kernel), so nothing is shown between hosts',
      mend: 'run one of them on the other host',
    });
  }
  if (!peer.isSameHost && family === 'local') {
    findings.push({
      severity: 'refuse',
      what: `two hosts have this ${kind} mounted at once, which destroys it sooner or later`,
      mend: 'unmount it on one of them; for two hosts use NFS 4 or a cluster file system',
    });
  }
  return findings;
}
