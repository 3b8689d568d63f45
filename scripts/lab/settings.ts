/** What a lab is started with. */
import { BROKERS, type Broker, isBroker, parseHost } from './hosts.js';
import { LabError } from './lab-error.js';

export const NFS_VERSIONS = ['4.2', '4.1', '4.0'] as const;
/** The kernel's server, or NFS-Ganesha, which is a process. */
export const NFS_SERVERS = ['kernel', 'ganesha'] as const;
export const WRITE_MODES = ['sync', 'async'] as const;

export interface LabSettings {
  /** The brokers to boot; the server and the client host are always there. */
  readonly brokers: readonly Broker[];
  /** What serves NFS on the server. */
  readonly server: (typeof NFS_SERVERS)[number];
  readonly nfsVersion: (typeof NFS_VERSIONS)[number];
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  /** Whether the server serves NFSv3, too. */
  readonly nfs3: boolean;
  /** Added to the mount options of scripts/provision/broker-mount.sh, and stronger than those. */
  readonly mountOptions: string;
  /** How the server exports the store. */
  readonly writeMode: (typeof WRITE_MODES)[number];
  /** Memory of each broker. */
  readonly memoryMb: number;
  readonly serverMemoryMb: number;
}

export const DEFAULT_LAB_NAME = 'holdfast';

export const DEFAULT_SETTINGS: LabSettings = {
  brokers: BROKERS,
  server: 'kernel',
  nfsVersion: '4.2',
  leaseSeconds: 10,
  graceSeconds: 10,
  nfs3: false,
  mountOptions: '',
  writeMode: 'sync',
  memoryMb: 384,
  serverMemoryMb: 256,
};

/** The limits of the kernel's NFS server. */
const LEASE_LIMITS_SECONDS = { minimum: 10, maximum: 3600 };
/** The limits of Ganesha, where they are narrower. */
const GANESHA_LEASE_LIMITS_SECONDS = { minimum: 10, maximum: 120 };
const GANESHA_GRACE_LIMITS_SECONDS = { minimum: 10, maximum: 180 };
/** Less, and Node does not start; more is not what a lab on one machine is for. */
const MEMORY_LIMITS_MB = { minimum: 192, maximum: 8192 };

export function checkSettings(settings: LabSettings): void {
  checkRange('lease', settings.leaseSeconds, LEASE_LIMITS_SECONDS);
  checkRange('grace', settings.graceSeconds, LEASE_LIMITS_SECONDS);
  checkRange('memory', settings.memoryMb, MEMORY_LIMITS_MB);
  checkRange('server memory', settings.serverMemoryMb, MEMORY_LIMITS_MB);
  if (settings.graceSeconds < settings.leaseSeconds) {
    throw new LabError(
      `--grace (${settings.graceSeconds}) must not be below --lease (${settings.leaseSeconds}): ` +
        'a client may need its whole lease to notice that the server restarted.',
    );
  }
  if (settings.server === 'ganesha') checkGanesha(settings);
  if (settings.brokers.length === 0) throw new LabError('--hosts names no broker.');
  if (!/^[\w.,=:/-]*$/.test(settings.mountOptions)) {
    throw new LabError(
      '--mount-options takes a list with commas and without spaces, such as softerr,timeo=50; not ' +
        `${JSON.stringify(settings.mountOptions)}.`,
    );
  }
}

/** What it cannot do, or does otherwise than the kernel's server. */
function checkGanesha(settings: LabSettings): void {
  checkRange('lease', settings.leaseSeconds, GANESHA_LEASE_LIMITS_SECONDS);
  checkRange('grace', settings.graceSeconds, GANESHA_GRACE_LIMITS_SECONDS);
  if (settings.nfs3) {
    throw new LabError('--server ganesha serves NFSv4 only; leave out --nfs3 on.');
  }
  if (settings.writeMode !== 'sync') {
    throw new LabError(
      '--server ganesha has no export that answers before data is on disk; leave out --export async.',
    );
  }
}

function checkRange(
  option: string,
  value: number,
  { minimum, maximum }: { readonly minimum: number; readonly maximum: number },
): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  throw new LabError(
    `--${option} takes a whole number from ${minimum} to ${maximum}, not ${value}.`,
  );
}

/** `a,b` */
export function parseBrokers(text: string): readonly Broker[] {
  const names = text.split(',').filter((name) => name !== '');
  const brokers = names.map((name) => {
    const host = parseHost(name);
    if (isBroker(host)) return host;
    throw new LabError(
      `--hosts names the brokers, of ${BROKERS.join(', ')}; ${host} is always there.`,
    );
  });
  return BROKERS.filter((broker) => brokers.includes(broker));
}

/** It becomes part of names of namespaces and folders. */
export function checkLabName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) return name;
  throw new LabError(
    `--name takes up to 31 small letters, digits and hyphens, not ${JSON.stringify(name)}.`,
  );
}
