/** Whether this machine can run the lab, and what it lacks. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { LabError } from './lab-error.js';
import { PROGRAM_PATH, runProgram } from './run-program.js';

/** What is asked of a machine before anything is done to it. */
export interface MachineFacts {
  readonly platform: string;
  readonly architecture: string;
  readonly isRoot: boolean;
  readonly hasApt: boolean;
  /** What making a network namespace said, or null when it went well. */
  readonly namespaceFailure: string | null;
  /** What opening /dev/net/tun said, or null when it went well. */
  readonly tunFailure: string | null;
}

/** One sentence for each thing that is missing. */
export function obstacles(facts: MachineFacts): readonly string[] {
  const { platform, architecture, isRoot, hasApt, namespaceFailure, tunFailure } = facts;
  const found: string[] = [];
  if (platform !== 'linux') found.push(`It runs on Linux, and this is ${platform}.`);
  if (architecture !== 'x64') {
    found.push(`Debian has User-Mode Linux for x64 only, and this is ${architecture}.`);
  }
  if (!hasApt)
    found.push('It takes its guests from Debian packages, and there is no apt-get here.');
  if (!isRoot) {
    found.push('It makes namespaces and network devices, so it has to be run as root: try sudo.');
    return found;
  }
  if (namespaceFailure !== null) {
    found.push(
      `Network namespaces cannot be made here (${namespaceFailure}); a container needs --privileged.`,
    );
  }
  if (tunFailure !== null) {
    found.push(
      `/dev/net/tun cannot be opened (${tunFailure}); load the module tun, or give a container ` +
        '--device /dev/net/tun.',
    );
  }
  return found;
}

/** Tries what the lab needs and leaves no trace. */
export function readMachine(): MachineFacts {
  const unshare = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return {
    platform: process.platform,
    architecture: process.arch,
    isRoot: process.geteuid?.() === 0,
    hasApt: hasProgram('apt-get'),
    namespaceFailure:
      unshare.status === 0 ? null : unshare.stderr?.trim() || String(unshare.error?.message),
    tunFailure: openFailure('/dev/net/tun'),
  };
}

function openFailure(path: string): string | null {
  try {
    closeSync(openSync(path, 'r+'));
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function hasProgram(name: string): boolean {
  const shell = spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: PROGRAM_PATH } });
  return shell.status === 0;
}

export function requireMachine(facts: MachineFacts = readMachine()): void {
  const found = obstacles(facts);
  if (found.length === 0) return;
  throw new LabError(
    `The lab cannot run here.\n${found.map((one) => `- ${one}`).join('\n')}\n` +
      'The Vagrantfile makes the same lab of virtual machines: see docs/lab.md.',
  );
}

/** Programs and the Debian packages that have them. */
const PACKAGE_OF_PROGRAM: Readonly<Record<string, string>> = {
  debootstrap: 'debootstrap',
  nft: 'nftables',
  ip: 'iproute2',
  socat: 'socat',
  'mkfs.ext4': 'e2fsprogs',
};

/** Whether apt's lists are new in this process. */
let isUpdated = false;

export async function updateAptLists(): Promise<void> {
  if (!isUpdated) await runProgram('apt-get', ['update', '-qq']);
  isUpdated = true;
}

export async function installMissingPrograms(progress: (line: string) => void): Promise<void> {
  const missing = Object.entries(PACKAGE_OF_PROGRAM).filter(([program]) => !hasProgram(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  progress(`installing ${packages.join(', ')}`);
  await updateAptLists();
  await runProgram('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    environment: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}
