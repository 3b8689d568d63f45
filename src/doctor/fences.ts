/**
 * The four fences that keep a deposed node's bytes and confirmations out, and which of them hold
 * on which family of file systems. docs/shared-filesystem.md shows the same table with reasons.
 */

type Holds = 'yes' | 'no' | 'unknown';

export interface Fence {
  readonly number: 1 | 2 | 3 | 4;
  readonly name: string;
  readonly holds: Holds;
  readonly why: string;
}

export type FenceFamily = 'local' | 'nfs4' | 'nfs3' | 'smb' | 'cluster' | 'other';

type Row = readonly [Holds, string];

const NAMES = [
  'the lock is on the bytes being written',
  'an epoch is claimed by one node only',
  'the old segment goes away at takeover',
  'ownership is verified before confirming',
] as const;

const TABLE: { readonly [family in FenceFamily]: readonly [Row, Row, Row, Row] } = {
  local: [
    ['yes', 'the kernel keeps the lock for as long as the process has its descriptor'],
    ['yes', 'exclusive creation is atomic in one kernel'],
    ['yes', 'what is written to an unlinked file is in no file that is read again'],
    ['yes', 'all processes see the same files at once'],
  ],
  nfs4: [
    ['yes', 'the server refuses writes with the state of a lock that it has revoked'],
    ['yes', 'exclusive creation is decided by the server'],
    [
      'yes',
      'what is written to an unlinked file meets ESTALE, or is in no file that is read again',
    ],
    ['yes', 'a file that is opened afresh is checked with the server'],
  ],
  nfs3: [
    ['no', 'locks are kept by another protocol, which writes know nothing of'],
    ['yes', 'exclusive creation is decided by the server'],
    [
      'yes',
      'what is written to an unlinked file meets ESTALE, or is in no file that is read again',
    ],
    ['yes', 'a file that is opened afresh is checked with the server'],
  ],
  smb: [
    ['unknown', 'what becomes of a lost lock depends on the server and its durable handles'],
    ['yes', 'exclusive creation is decided by the server'],
    ['unknown', 'a server may refuse to unlink a file that is open'],
    ['unknown', 'how soon another host is seen depends on the cache mode and on leases'],
  ],
  cluster: [
    ['no', 'the lock manager may give the lock away while old writes are still under way'],
    ['yes', 'exclusive creation is decided by the cluster'],
    ['yes', 'what is written to an unlinked file is in no file that is read again'],
    ['yes', 'the cluster keeps the caches of its hosts coherent'],
  ],
  other: [
    ['unknown', 'nothing is known of its locks'],
    ['unknown', 'nothing is known of its exclusive creation'],
    ['unknown', 'nothing is known of what becomes of unlinked files'],
    ['unknown', 'nothing is known of its caches'],
  ],
};

export function fencesOf(family: FenceFamily): readonly Fence[] {
  return TABLE[family].map(([holds, why], index) => ({
    number: (index + 1) as Fence['number'],
    name: NAMES[index] ?? '',
    holds,
    why,
  }));
}
