/** One lab for all scenarios of one test file and one version of NFS. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Lab } from '../../scripts/lab/lab.js';
import { obstacles, readMachine } from '../../scripts/lab/machine.js';
import { PROJECT } from '../../scripts/lab/places.js';
import {
  DEFAULT_SETTINGS,
  type LabSettings,
  NFS_SERVERS,
  NFS_VERSIONS,
} from '../../scripts/lab/settings.js';

type Version = LabSettings['nfsVersion'];

/** Which versions to try; all unless LAB_NFS_VERSIONS names some: `4.2,4.1`. */
export const VERSIONS: readonly Version[] = versionsFrom(process.env.LAB_NFS_VERSIONS);

/** What serves NFS; the kernel unless LAB_NFS_SERVER says otherwise. */
export const NFS_SERVER: LabSettings['server'] = serverFrom(process.env.LAB_NFS_SERVER);

/** A large block takes several WRITEs, as one of more than the usual 1 MiB does. */
export const SMALL_WRITES = { mountOptions: 'wsize=32768' };

const missing = obstacles(readMachine());
/** For `skip`: why there can be no lab here. */
export const labObstacle = missing.length === 0 ? false : `SKIPPED: ${missing.join(' ')}`;

/** Up before the first test of the surrounding `describe`, and gone after the last. */
export function labFor(nfsVersion: Version, settings: Partial<LabSettings> = {}): Lab {
  const name = `test-${process.pid}-${nfsVersion.replace('.', '')}`;
  const lab = new Lab(name, (line) => process.stderr.write(`lab: ${line}\n`));
  const common = { brokers: ['a', 'b'], server: NFS_SERVER, nfsVersion } as const;
  removeWhenInterrupted(name);
  before(() => lab.up({ ...DEFAULT_SETTINGS, ...common, ...settings }));
  after(() => lab.down());
  return lab;
}

const labsOfThisProcess = new Set<string>();

/** Also one that is not up yet or any more. */
export function removeWhenInterrupted(name: string): void {
  labsOfThisProcess.add(name);
  if (labsOfThisProcess.size > 1) return;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const each of labsOfThisProcess) removeLater(each);
      process.exit(1);
    });
  }
}

/** Who interrupts the tests finds no guests left behind. Nobody reads our output any more, and `up` may be at it. */
function removeLater(name: string): void {
  const program = join(PROJECT, 'dist', 'scripts', 'lab', 'main.js');
  const options = { detached: true, stdio: 'ignore' } as const;
  spawn(process.execPath, [program, 'down', '--name', name], options).unref();
}

function serverFrom(text: string | undefined): LabSettings['server'] {
  if (!text) return DEFAULT_SETTINGS.server;
  const server = NFS_SERVERS.find((known) => known === text);
  if (server !== undefined) return server;
  throw new Error(`LAB_NFS_SERVER names ${text}; there are ${NFS_SERVERS.join(', ')}`);
}

function versionsFrom(text: string | undefined): readonly Version[] {
  if (!text) return NFS_VERSIONS;
  return text.split(',').map((name) => {
    const version = NFS_VERSIONS.find((known) => known === name);
    if (version === undefined) {
      throw new Error(`LAB_NFS_VERSIONS names ${name}; there are ${NFS_VERSIONS.join(', ')}`);
    }
    return version;
  });
}
