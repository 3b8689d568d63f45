/**
 * Where things lie in a store directory. Nothing else builds these paths.
 *
 * ```
 * store.json             what this store is: id, format version, kind of lock
 * lock                   the election lock; empty
 * live                   who is live: one checksummed block, rewritten in place
 * witness.lock/          the heartbeat of proper-lockfile
 * epochs/0000000007      one file per tenure, created exclusively
 * journal/               segments and checkpoints; only the live node changes anything here
 * nodes/NAME             each node's own status: one checksummed block, rewritten in place
 * requests/handover      the last handover request: one checksummed block, rewritten in place
 * ```
 */
import { join } from 'node:path/posix';

export interface StoreLayout {
  readonly root: string;
  readonly storeFile: string;
  readonly lockFile: string;
  readonly liveFile: string;
  /** proper-lockfile adds `.lock` to it. */
  readonly witnessTarget: string;
  readonly epochsDirectory: string;
  readonly journalDirectory: string;
  readonly nodesDirectory: string;
  readonly requestsDirectory: string;
  readonly handoverFile: string;
}

export function storeLayout(root: string): StoreLayout {
  return Object.freeze({
    root,
    storeFile: join(root, 'store.json'),
    lockFile: join(root, 'lock'),
    liveFile: join(root, 'live'),
    witnessTarget: join(root, 'witness'),
    epochsDirectory: join(root, 'epochs'),
    journalDirectory: join(root, 'journal'),
    nodesDirectory: join(root, 'nodes'),
    requestsDirectory: join(root, 'requests'),
    handoverFile: join(root, 'requests', 'handover'),
  });
}
