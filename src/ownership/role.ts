/**
 * The roles of a node and every step between them, as a table. Pure: whoever drives it carries out
 * what a role means. A pair that is not in the table cannot happen; meeting one is a defect, and
 * the driver ends the process rather than guess.
 */
export const ROLES = [
  'joining',
  'backup',
  'taking-over',
  'live',
  'handing-over',
  'fenced',
  'stopped',
] as const;
export type Role = (typeof ROLES)[number];

export const ROLE_EVENTS = [
  /** store.json is valid and this node's name is its own. */
  'store-ready',
  'lock-acquired',
  /** Before anything was changed: the epoch was claimed by another node, or the lock is not shared. */
  'takeover-declined',
  /** The journal is sealed and read to its end, and the first ownership check was good. */
  'takeover-complete',
  'handover-started',
  /** The tenure ended in good order and the locks are released. */
  'handover-complete',
  'ownership-lost',
  /** The first failed write, sync, check or read of the store. */
  'storage-failed',
  'stop-requested',
] as const;
export type RoleEvent = (typeof ROLE_EVENTS)[number];

type Steps = { readonly [event in RoleEvent]?: Role };

const TABLE: { readonly [role in Role]: Steps } = {
  joining: {
    'store-ready': 'backup',
    'storage-failed': 'stopped',
    'stop-requested': 'stopped',
  },
  backup: {
    'lock-acquired': 'taking-over',
    'storage-failed': 'stopped',
    'stop-requested': 'stopped',
  },
  'taking-over': {
    'takeover-declined': 'backup',
    'takeover-complete': 'live',
    'ownership-lost': 'fenced',
    'storage-failed': 'fenced',
    'stop-requested': 'stopped',
  },
  live: {
    'handover-started': 'handing-over',
    'ownership-lost': 'fenced',
    'storage-failed': 'fenced',
    'stop-requested': 'stopped',
  },
  'handing-over': {
    'handover-complete': 'backup',
    'ownership-lost': 'fenced',
    'storage-failed': 'fenced',
    // Remembered by the driver, which asks again when the handover has ended one way or the other.
    'stop-requested': 'handing-over',
  },
  // The process is ending. What was under way may still report, and changes nothing.
  fenced: {
    'ownership-lost': 'fenced',
    'storage-failed': 'fenced',
    'stop-requested': 'fenced',
  },
  stopped: {
    'ownership-lost': 'stopped',
    'storage-failed': 'stopped',
    'stop-requested': 'stopped',
  },
};

/** The role after `event`, or null when that event cannot happen in this role. */
export function nextRole(role: Role, event: RoleEvent): Role | null {
  return TABLE[role][event] ?? null;
}
