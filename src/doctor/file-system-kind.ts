/**
 * Tells from the kernel's mount table whether a directory's file system can keep two nodes apart:
 * which fences hold, and which mount options take them away. Pure, so that every kind can be
 * tested without having it.
 */
import { type Fence, type FenceFamily, fencesOf } from './fences.js';
import { type Finding, type Verdict, verdictOf } from './finding.js';
import { rulesFor } from './mount-rules.js';
import { findMount, type Mount } from './mount-table.js';

export interface FileSystemKind {
  /** As people call it: `ext4`, `NFS 4.2`, `CephFS`, ... */
  readonly kind: string;
  readonly family: FenceFamily;
  readonly mountPoint: string;
  readonly source: string;
  readonly options: readonly string[];
  readonly fences: readonly Fence[];
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** When false, a new live node waits `ownershipFreshMs` before its first confirmation. */
  readonly fence1Enforced: boolean;
  /** inotify sees no other host's changes here. */
  readonly isNetwork: boolean;
}

/** `path` is without symbolic links; `mountInfo` the text of /proc/self/mountinfo. */
export function classifyFileSystem(mountInfo: string, path: string): FileSystemKind {
  const mount = findMount(mountInfo, path) ?? UNKNOWN_MOUNT;
  const { kind, family, findings } = rulesFor(mount);
  const all = [...findings, ...generalFindings(mount)];
  const fences = fencesOf(family);
  const verdict = verdictOf(all);
  return {
    kind,
    family,
    mountPoint: mount.mountPoint,
    source: mount.source,
    options: mount.options,
    fences,
    verdict,
    findings: all,
    fence1Enforced: fences[0]?.holds === 'yes' && verdict !== 'refuse',
    isNetwork: NETWORK[family],
  };
}

const UNKNOWN_MOUNT: Mount = { mountPoint: '?', type: 'unknown', source: '?', options: [] };

const NETWORK: { readonly [family in FenceFamily]: boolean } = {
  local: false,
  nfs4: true,
  nfs3: true,
  smb: true,
  cluster: true,
  other: true,
};

function generalFindings(mount: Mount): Finding[] {
  if (!mount.options.includes('ro')) return [];
  return [
    {
      severity: 'refuse',
      what: `${mount.mountPoint} is mounted read-only`,
      mend: 'mount it read-write',
    },
  ];
}
