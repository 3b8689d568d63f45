/** What to set on the mount and on the file server, with the values to use. */
import type { FileSystemKind } from './file-system-kind.js';

export interface Advice {
  readonly where: 'mount' | 'server';
  /** As it is written there. */
  readonly setting: string;
  /** What is there now, when that can be seen and is another value; null otherwise. */
  readonly now: string | null;
  readonly why: string;
}

/** Values of a mount that serve Holdfast as well as the one that is advised. */
interface MountAdvice {
  readonly setting: string;
  readonly why: string;
  /** The option that is there instead, or null when all is well. */
  readonly instead: (options: readonly string[]) => string | null;
}

const firstOf =
  (...names: readonly string[]) =>
  (options: readonly string[]) =>
    options.find((option) => names.some((name) => option === name)) ?? null;

const NFS_MOUNT: readonly MountAdvice[] = [
  {
    setting: 'vers=4.2',
    why: 'only NFS 4 ties each write to the state of the lock; 4.1 serves as well',
    instead: (options) => options.find((option) => /^vers=([23]|4\.0|4$)/.test(option)) ?? null,
  },
  {
    setting: 'hard',
    why: 'an outage of the server makes writes wait instead of ending the tenure',
    instead: firstOf('soft', 'softerr'),
  },
  {
    setting: 'proto=tcp',
    why: 'the one transport that NFS 4 has everywhere',
    instead: (options) =>
      options.find((option) => /^proto=/.test(option) && !/^proto=(tcp|rdma)/.test(option)) ?? null,
  },
  {
    setting: 'noatime',
    why: 'reading the journal shall not cause writes',
    instead: firstOf('relatime', 'strictatime'),
  },
  {
    setting: 'local_lock=none',
    why: 'the default: locks are those of the server',
    instead: firstOf('local_lock=all', 'local_lock=flock', 'nolock'),
  },
];

const NFS_SERVER: readonly Advice[] = [
  server('lease-time=10', 'so long after a power cut nobody is live; the default is 90 s'),
  server('grace-time=10', 'so long a restarted server waits for clients to reclaim their locks'),
  server('vers3=n', 'a host without power would keep its lock for ever, and restarts take longer'),
  server('sync (in the export)', 'with async a power cut of the server takes what was confirmed'),
];

function server(setting: string, why: string): Advice {
  return { where: 'server', setting, now: null, why };
}

/** What the mount rules say already is not said again. */
export function adviceFor({ family, options }: FileSystemKind): readonly Advice[] {
  if (family !== 'nfs4' && family !== 'nfs3') return [];
  const mount = NFS_MOUNT.map(({ setting, why, instead }): Advice => {
    return { where: 'mount', setting, now: instead(options), why };
  });
  return [...mount, ...NFS_SERVER];
}
