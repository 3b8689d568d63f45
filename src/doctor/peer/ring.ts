/** What a trial between two doctors works with. Both run the same trial, each in its own part. */
import type { Clock, FileSystem, TrialProcess } from '../../platform/ports.js';
import type { Figure, TrialResult } from '../trial-result.js';
import type { ClockOffset } from './clock-offset.js';
import type { Conversation } from './conversation.js';
import type { Cut } from './peer-document.js';

/** `first` is the doctor whose id sorts first: which one it is decides nothing but who begins. */
export type Role = 'first' | 'second';

export interface Parties {
  readonly role: Role;
  /** As reports call the two hosts. */
  readonly names: { readonly [role in Role]: string };
  readonly isSameHost: boolean;
  /** Other hosts can be seen here late. */
  readonly isNetwork: boolean;
  /** Which host a person will take away from the file server, and how. */
  readonly toBeCut: { readonly role: Role; readonly how: Cut } | null;
  /** Whether the file system is said to refuse the writes of a node that lost its lock. */
  readonly fence1Enforced: boolean;
}

export interface Ring extends Parties {
  readonly clock: Clock;
  /** For what must never wait behind a trial: preparing and cleaning up. */
  readonly fileSystem: FileSystem;
  readonly talk: Conversation;
  /** Of this trial alone; empty at its beginning, the same for both. */
  readonly directory: string;
  readonly offset: ClockOffset;
  /** A process for this trial, killed at its end: what it does may block for as long as it likes. */
  startHand(): Promise<TrialProcess>;
  /** For the person who waits. */
  tell(sentence: string): void;
}

export interface PeerTrial {
  readonly name: string;
  readonly fence: TrialResult['fence'];
  /** In whose work directory it happens. */
  readonly place: (parties: Parties) => Role;
  /** Both sides return the same results; throws what went wrong. */
  run(ring: Ring): Promise<readonly TrialResult[]>;
}

export function otherRole(role: Role): Role {
  return role === 'first' ? 'second' : 'first';
}

/** Each of the two in the leading part once. */
export async function inTurns<Observation>(
  ring: Ring,
  turn: (isLeading: boolean, leader: Role) => Promise<Observation>,
): Promise<{ readonly [role in Role]: Observation }> {
  const first = await turn(ring.role === 'first', 'first');
  const second = await turn(ring.role === 'second', 'second');
  return { first, second };
}

/** One figure for each host that has one. */
export function figuresOf(
  ring: Parties,
  what: string,
  values: { readonly [role in Role]: number | null },
): Figure[] {
  return (['first', 'second'] as const).flatMap((role) => {
    const value = values[role];
    return value === null ? [] : [{ what, host: ring.names[role], value: Math.round(value) }];
  });
}
