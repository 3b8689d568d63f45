/** What nodes tell each other through the store, and what `holdfast status` shows of it. */

import type { Role } from '../ownership/role.js';

/** Where the live node's listeners are reached, by protocol: `{ stomp: 'host:port' }`. */
export type Addresses = { readonly [protocol: string]: string };

/** How a node is reached by clients and by backups that pass clients through to it. */
export interface Reach {
  readonly addresses: Addresses;
  /**
   * Who passes a client through proves with it what it tells of that client; hexadecimal, and a secret of those
   * who may read the store. Left out by versions that do not know it.
   */
  readonly originKey?: string;
}

/** `store.json` */
export interface StoreDocument {
  readonly formatVersion: number;
  /** 32 hexadecimal digits. */
  readonly storeId: string;
  readonly lockKind: 'flock';
  readonly createdAtMs: number;
  readonly createdBy: string;
}

/** How far the journal is known to be good, in the words of docs/journal-format.md. */
export interface JournalPosition {
  readonly segment: number;
  readonly offset: number;
  readonly sequence: number;
}

/** `live`: rewritten by the live node at every status interval, and at each change. */
export interface LiveDocument extends Reach {
  readonly epoch: number;
  readonly node: string;
  readonly host: string;
  readonly pid: number;
  /** Names one boot of one machine: two nodes with the same one share a kernel and its pids. */
  readonly bootId: string;
  readonly sinceMs: number;
  readonly position: JournalPosition;
  /** One higher with every rewrite: whoever sees it change knows that the writer runs. */
  readonly beat: number;
  readonly verifiedAtMs: number;
  /** `released`: the tenure ended in good order, and `successor` may go first. */
  readonly state: 'taking-over' | 'live' | 'handing-over' | 'released';
  readonly successor: string | null;
}

/** `nodes/NAME` */
export interface NodeDocument {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly bootId: string;
  readonly version: string;
  readonly role: Role;
  /** Why it is in this role, for people; empty when there is nothing to say. */
  readonly detail: string;
  readonly sinceMs: number;
  readonly addresses: Addresses;
  readonly position: JournalPosition;
  /** Journal bytes between what this node has applied and what it last saw written; 0 for the live node. */
  readonly lagBytes: number;
  /** A backup that follows and could take over now. */
  readonly ready: boolean;
  readonly beat: number;
  readonly updatedAtMs: number;
}

/** `requests/handover` */
export interface HandoverRequest {
  readonly requestId: string;
  /** The node that shall become live, or null for any backup that is ready. */
  readonly to: string | null;
  readonly requestedAtMs: number;
  readonly requestedBy: string;
  /** Written back by the live node. */
  readonly outcome: { readonly accepted: boolean; readonly reason: string } | null;
}
