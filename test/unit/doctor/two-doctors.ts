import {
  examineWithPeer,
  type PeerExaminationOptions,
  type PeerReport,
  type PeerRequest,
} from '../../../src/doctor/peer/examination.js';
import { PEER_TRIALS } from '../../../src/doctor/peer/trials.js';
import type { TrialResult } from '../../../src/doctor/trial-result.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { startFileSystemProcess } from '../../../src/platform/node/file-system-process.js';
import { isProcessAlive, readHostIdentity } from '../../../src/platform/node/host-identity.js';
import type { Clock, FileHandle, FileSystem, TrialProcess } from '../../../src/platform/ports.js';
import { delegatingFileSystem } from '../../support/delegating-file-system.js';

export type Spoil = (handle: FileHandle, fileSystem: FileSystem) => void;

export interface Host {
  readonly name: string;
  readonly request?: Partial<PeerRequest>;
  readonly fence1Enforced?: boolean;
  /** By name; default: all. Both need the same. */
  readonly trials?: readonly string[];
  /** Changes every file that its processes open. */
  readonly spoil?: Spoil;
  readonly clock?: Clock;
  /** Both are one host when these are equal. */
  readonly bootId?: string;
}

export function examineOn(root: string, host: Host): Promise<PeerReport> {
  const { name, request, spoil, bootId = `boot of ${name}`, fence1Enforced = true } = host;
  const { clock = nodeClock } = host;
  const names = host.trials ?? PEER_TRIALS.map((trial) => trial.name);
  const startProcess: PeerExaminationOptions['startProcess'] = async (patience) => {
    const process = await startFileSystemProcess(patience);
    return spoil === undefined ? process : spoilt(process, spoil);
  };
  return examineWithPeer({
    root,
    clock,
    identity: { host: name, pid: readHostIdentity().pid, bootId },
    isProcessAlive,
    startProcess,
    trials: PEER_TRIALS.filter((trial) => names.includes(trial.name)),
    isNetwork: false,
    fence1Enforced,
    request: { version: '1.0.0', waitMs: 20_000, toBeCut: null, tell: () => undefined, ...request },
  });
}

/** `both` is the same for the two of them. */
export function examineTogether(
  root: string,
  both: Partial<Host>,
  a: Partial<Host> = {},
  b: Partial<Host> = {},
): Promise<[PeerReport, PeerReport]> {
  return Promise.all([
    examineOn(root, { name: 'a', ...both, ...a }),
    examineOn(root, { name: 'b', ...both, ...b }),
  ]);
}

export function named(report: PeerReport, name: string): TrialResult {
  const found = report.trials.find((trial) => trial.name === name);
  if (found === undefined) throw new Error(`there is no trial "${name}"`);
  return found;
}

export function namesOfFailed(report: PeerReport): string[] {
  return report.trials.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);
}

function spoilt(process: TrialProcess, spoil: Spoil): TrialProcess {
  const fileSystem = delegatingFileSystem(process.fileSystem, {
    async open(path, mode) {
      const handle = await process.fileSystem.open(path, mode);
      spoil(handle, process.fileSystem);
      return handle;
    },
  });
  return { ...process, fileSystem, kill: () => process.kill() };
}
