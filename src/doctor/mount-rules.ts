/** What is known of each type of file system and of its mount options: tables, and how to read them. */
import type { FenceFamily } from './fences.js';
import type { Finding, Severity } from './finding.js';
import type { Mount } from './mount-table.js';

interface TypeRule {
  readonly kind: string;
  readonly family: FenceFamily;
  readonly options?: readonly OptionRule[];
  readonly findings?: readonly Finding[];
}

/** Applies when one of `anyOf` is among the mount's options. */
interface OptionRule extends Finding {
  readonly anyOf: readonly string[];
}

export interface AppliedRules {
  readonly kind: string;
  readonly family: FenceFamily;
  readonly findings: readonly Finding[];
}

export function rulesFor(mount: Mount): AppliedRules {
  const rule = isNfs(mount) ? nfsRule(mount) : typeRule(mount);
  const applied = (rule.options ?? []).filter((option) => hasAny(mount, option.anyOf));
  const fromOptions = applied.map(({ severity, what, mend }) => ({ severity, what, mend }));
  return {
    kind: rule.kind,
    family: rule.family,
    findings: [...fromOptions, ...(rule.findings ?? [])],
  };
}

function finding(severity: Severity, what: string, mend: string): Finding {
  return { severity, what, mend };
}

function whenAny(
  anyOf: readonly string[],
  severity: Severity,
  what: string,
  mend: string,
): OptionRule {
  return { anyOf, severity, what, mend };
}

const ONE_MACHINE = finding(
  'note',
  'it serves the processes of one machine only',
  'for two machines use NFS 4 or a cluster file system; never mount this one on two at once',
);

const LOCAL_OPTIONS: readonly OptionRule[] = [
  whenAny(
    ['nobarrier', 'barrier=0'],
    'warning',
    'write barriers are off, so a power cut can take what was confirmed',
    'mount it without nobarrier',
  ),
];

const LOCAL_TYPES =
  'ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs reiserfs nilfs2 overlay aufs'.split(' ');

const IN_MEMORY = finding(
  'warning',
  'it is in memory, so that a restart of the machine takes every message',
  'use a directory on a disk for anything but trials',
);

const UNFENCED = finding(
  'warning',
  'fence 1 is not enforced here, so a new live node waits before its first confirmation',
  'nothing to mend; NFS 4 needs no such wait',
);

const CLUSTER_TYPES: { readonly [type: string]: TypeRule } = {
  ceph: { kind: 'CephFS', family: 'cluster', findings: [UNFENCED] },
  'fuse.ceph': { kind: 'CephFS (FUSE)', family: 'cluster', findings: [UNFENCED] },
  'fuse.ceph-fuse': { kind: 'CephFS (FUSE)', family: 'cluster', findings: [UNFENCED] },
  'fuse.glusterfs': { kind: 'GlusterFS', family: 'cluster', findings: [UNFENCED] },
  gfs2: {
    kind: 'GFS2',
    family: 'cluster',
    findings: [UNFENCED],
    options: [
      whenAny(
        ['localflocks', 'lockproto=lock_nolock'],
        'refuse',
        'locks stay on each host, so that two nodes would both get the lock',
        'mount it with lockproto=lock_dlm and without localflocks',
      ),
    ],
  },
  ocfs2: {
    kind: 'OCFS2',
    family: 'cluster',
    findings: [UNFENCED],
    options: [
      whenAny(
        ['localflocks', 'heartbeat=none'],
        'refuse',
        'locks stay on each host, so that two nodes would both get the lock',
        'mount it as a cluster file system and without localflocks',
      ),
    ],
  },
};

const SMB: TypeRule = {
  kind: 'SMB',
  family: 'smb',
  options: [
    whenAny(
      ['nobrl'],
      'refuse',
      'nobrl keeps locks on each host, so that two nodes would both get the lock',
      'mount it without nobrl',
    ),
    whenAny(
      ['cache=loose'],
      'refuse',
      'cache=loose shows old contents of what another host has rewritten',
      'mount it with cache=strict',
    ),
  ],
  findings: [
    UNFENCED,
    finding(
      'warning',
      'locks are mandatory on SMB servers, so that a backup may be refused reading the journal',
      'use NFS 4 instead',
    ),
  ],
};

function typeRule(mount: Mount): TypeRule {
  const { type } = mount;
  if (LOCAL_TYPES.includes(type)) {
    return { kind: type, family: 'local', options: LOCAL_OPTIONS, findings: [ONE_MACHINE] };
  }
  if (type === 'tmpfs' || type === 'ramfs') {
    return { kind: type, family: 'local', findings: [IN_MEMORY, ONE_MACHINE] };
  }
  if (type === 'cifs' || type === 'smb3' || type === 'smbfs') return SMB;
  if (type === 'lustre') return lustreRule(mount);
  return CLUSTER_TYPES[type] ?? otherRule(type);
}

function lustreRule(mount: Mount): TypeRule {
  const isShared = mount.options.includes('flock');
  const unshared = finding(
    'refuse',
    'flock is off or stays on each host, so that two nodes could both go on',
    'mount it with the option flock, and without localflock and noflock',
  );
  return { kind: 'Lustre', family: 'cluster', findings: isShared ? [UNFENCED] : [unshared] };
}

function otherRule(type: string): TypeRule {
  const what = type.startsWith('fuse')
    ? `${type} is served by a program that may or may not share locks between hosts`
    : `nothing is known of ${type}, and whether it shares locks between hosts`;
  const mend = 'use NFS 4 between hosts, or a local disk for two processes of one machine';
  return { kind: type, family: 'other', findings: [finding('warning', what, mend), UNFENCED] };
}

function isNfs(mount: Mount): boolean {
  return mount.type === 'nfs' || mount.type === 'nfs4';
}

const NFS_OPTIONS: readonly OptionRule[] = [
  whenAny(
    ['nolock', 'local_lock=all', 'local_lock=flock'],
    'refuse',
    'locks stay on each host (nolock, local_lock), so that two nodes would both get the lock',
    'mount it without nolock and local_lock',
  ),
  whenAny(
    ['nocto'],
    'refuse',
    'nocto shows old contents of what another host has rewritten',
    'mount it without nocto',
  ),
  whenAny(
    ['noac'],
    'note',
    'noac asks the server for everything twice and is not needed',
    'mount it without noac for more speed',
  ),
  whenAny(
    ['sync'],
    'note',
    'the mount option sync is not needed: the journal is written synchronously by itself',
    'mount it without sync',
  ),
];

const NFS_EXPORT = finding(
  'note',
  "the server's export options cannot be seen from here",
  'export it with sync: with async, a power cut of the server takes what was confirmed',
);

function nfsRule(mount: Mount): TypeRule {
  const version = optionValue(mount, 'vers') ?? (mount.type === 'nfs4' ? '4' : null);
  const kind = version === null ? 'NFS' : `NFS ${version}`;
  if (version !== null && /^[23]/.test(version)) {
    return { kind, family: 'nfs3', options: NFS_OPTIONS, findings: [NFS3_REFUSED] };
  }
  const family = version === null ? 'other' : 'nfs4';
  const findings = [...versionFindings(version), ...softFindings(mount), NFS_EXPORT];
  return { kind, family, options: NFS_OPTIONS, findings };
}

const NFS3_REFUSED = finding(
  'refuse',
  'NFS 3 never releases the lock of a host that lost its power, so that nobody could take over',
  'mount it with vers=4.2 (or 4.1)',
);

function versionFindings(version: string | null): Finding[] {
  if (version === null) {
    const mend = 'mount it with vers=4.2, and use a kernel that shows it';
    return [finding('warning', 'the mount table does not tell the version of NFS', mend)];
  }
  if (version === '4.1' || version === '4.2') return [];
  const what = 'NFS 4.0 cannot tell a repeated request from a new one in every case';
  return [finding('note', what, 'mount it with vers=4.2 (or 4.1)')];
}

/** In tenths of a second. A shorter one ends a tenure whenever the server is merely busy. */
const LEAST_SOFT_TIMEOUT = 50;

function softFindings(mount: Mount): Finding[] {
  if (!hasAny(mount, ['soft', 'softerr'])) return [];
  const timeout = Number(optionValue(mount, 'timeo') ?? '600');
  if (mount.options.includes('softerr') && timeout >= LEAST_SOFT_TIMEOUT) {
    const what = 'softerr ends a tenure when the server does not answer in time';
    return [finding('note', what, 'use hard if outages of the server shall be waited for')];
  }
  const what = 'a soft mount fails writes when the server is merely slow, which ends the tenure';
  const mend = `use hard, or softerr with timeo=${LEAST_SOFT_TIMEOUT} or more`;
  return [finding('warning', what, mend)];
}

function optionValue(mount: Mount, name: string): string | null {
  const option = mount.options.find((candidate) => candidate.startsWith(`${name}=`));
  return option === undefined ? null : option.slice(name.length + 1);
}

function hasAny(mount: Mount, options: readonly string[]): boolean {
  return options.some((option) => mount.options.includes(option));
}
