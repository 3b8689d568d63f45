/**
 * What goes wrong in one seed, as plain JSON: a list of faults, each a moment and what happens then.
 * A moment is a virtual time or, better, a place in what nodes do, so that every window between two
 * steps of a takeover, a seal, a roll, a checkpoint or a handover is hit often.
 */
import type { Role } from '../../../src/ownership/role.js';
import type { CallFault, StorageOperation } from '../storage/shared-storage.js';
import type { PathClass } from './path-class.js';

export type Moment =
  | { readonly at: 'time'; readonly atMs: number }
  /** Before the call goes out or as it is about to return, and `delayMs` on from there. */
  | {
      readonly at: 'before' | 'after';
      readonly operation: StorageOperation;
      readonly path: PathClass;
      readonly by: Role;
      /** The n-th such call after `notBeforeMs`; 1 is the first. */
      readonly count: number;
      readonly notBeforeMs: number;
      readonly delayMs: number;
    }
  /** A node has come into the role. */
  | {
      readonly at: 'role';
      readonly role: Role;
      readonly count: number;
      readonly notBeforeMs: number;
      readonly delayMs: number;
    };

export type CallMoment = Extract<Moment, { at: 'before' | 'after' }>;

/** A node by name, or by what it is at the moment. `caller`: whose call or role made the moment. */
export type NodeChoice =
  | { readonly name: string }
  | { readonly whoever: 'live' | 'backup' | 'caller' | 'other' };

export type FaultAction =
  | { readonly kind: 'kill'; readonly node: NodeChoice }
  /** Killed, and kept from starting again for a while. */
  | { readonly kind: 'hold-down'; readonly node: NodeChoice; readonly forMs: number }
  | { readonly kind: 'stop'; readonly node: NodeChoice }
  | { readonly kind: 'pause'; readonly node: NodeChoice; readonly forMs: number }
  | {
      readonly kind: 'lag';
      readonly node: NodeChoice;
      readonly lagMs: number;
      readonly forMs: number;
    }
  /** The host of the node; several nodes may be on it. */
  | { readonly kind: 'power-off-host'; readonly node: NodeChoice; readonly forMs: number }
  | { readonly kind: 'jump-clock'; readonly node: NodeChoice; readonly byMs: number }
  | {
      readonly kind: 'cut-storage';
      readonly node: NodeChoice;
      readonly direction: 'both' | 'to-server' | 'from-server';
      readonly forMs: number;
    }
  /** Every host that is cut off reaches the server again, before its time. */
  | { readonly kind: 'heal-storage' }
  | { readonly kind: 'restart-server'; readonly downMs: number }
  | { readonly kind: 'power-off-server'; readonly downMs: number }
  | {
      readonly kind: 'cut-network';
      readonly from: string;
      readonly to: string;
      readonly mode: 'both' | 'one-way';
      readonly forMs: number;
    }
  | {
      readonly kind: 'delay-network';
      readonly from: string;
      readonly to: string;
      readonly delayMs: number;
      readonly forMs: number;
    }
  /** Some of the segments between the two are lost, and sent again. */
  | {
      readonly kind: 'lose-network';
      readonly from: string;
      readonly to: string;
      readonly forMs: number;
    }
  | { readonly kind: 'reset-network'; readonly from: string; readonly to: string }
  | {
      readonly kind: 'fill-storage';
      readonly errno: 'ENOSPC' | 'EDQUOT';
      readonly forMs: number;
    }
  /** Only at a `before` moment: this call and the next ones like it, `times` in all. */
  | { readonly kind: 'fail-call'; readonly fault: CallFault; readonly times: number }
  /** To this node, or to any. */
  | { readonly kind: 'hand-over'; readonly to: string | null }
  /** A bit of a block that is not the last one changes on the disk. `part` is where, from 0 to 1. */
  | { readonly kind: 'flip-bit'; readonly part: number }
  /** A sector of one of the last blocks of the journal fails to be read. `part` is which, from 0 to 1. */
  | { readonly kind: 'spoil-sector'; readonly part: number }
  /** An operator deletes every segment, at the file server. */
  | { readonly kind: 'remove-segments' };

export type FaultKind = FaultAction['kind'];

export interface Fault {
  readonly when: Moment;
  readonly what: FaultAction;
  /** What belongs with it: waited for only once it has met something, and with times from then on. */
  readonly next?: readonly Fault[];
}

const ORDINALS = ['', 'first ', '2nd ', '3rd '];

function ordinal(count: number): string {
  return ORDINALS[count] ?? `${count}th `;
}

/** One line for people. */
export function describeFault({ when, what, next = [] }: Fault): string {
  const own = `${describeMoment(when)}: ${describeAction(what)}`;
  return [own, ...next.map(describeNext)].join('; ');
}

function describeNext(fault: Fault): string {
  const { when, what } = fault;
  if (when.at !== 'time') return `then ${describeFault(fault)}`;
  return `then ${when.atMs > 0 ? `${ms(when.atMs)} later` : 'at once'}: ${describeAction(what)}`;
}

function describeMoment(when: Moment): string {
  if (when.at === 'time') return `at ${ms(when.atMs)}`;
  const later = when.delayMs > 0 ? `${ms(when.delayMs)} after ` : '';
  const since = when.notBeforeMs > 0 ? ` since ${ms(when.notBeforeMs)}` : '';
  const which = `the ${ordinal(when.count)}`;
  if (when.at === 'role') {
    return `${later}${which}time${since} that a node becomes ${when.role}`;
  }
  const call = `${when.operation} of ${when.path} by a node that is ${when.by}`;
  if (when.at === 'after') return `${later === '' ? 'right after ' : later}${which}${call}${since}`;
  return `${later === '' ? 'right before ' : `${later}the beginning of `}${which}${call}${since}`;
}

function describeAction(what: FaultAction): string {
  switch (what.kind) {
    case 'kill':
      return `kill ${nameOf(what.node)}`;
    case 'hold-down':
      return `kill ${nameOf(what.node)} and hold it down for ${ms(what.forMs)}`;
    case 'stop':
      return `stop ${nameOf(what.node)} (SIGTERM)`;
    case 'pause':
      return `pause ${nameOf(what.node)} for ${ms(what.forMs)}`;
    case 'lag':
      return `slow ${nameOf(what.node)} down by ${ms(what.lagMs)} a step for ${ms(what.forMs)}`;
    case 'power-off-host':
      return `switch off the host of ${nameOf(what.node)} for ${ms(what.forMs)}`;
    case 'jump-clock':
      return `the wall clock of the host of ${nameOf(what.node)} jumps by ${ms(what.byMs)}`;
    case 'cut-storage':
      return `cut the host of ${nameOf(what.node)} off from the server (${what.direction}) for ${ms(what.forMs)}`;
    case 'heal-storage':
      return 'connect every host to the server again';
    case 'restart-server':
      return `restart the server, down for ${ms(what.downMs)}`;
    case 'power-off-server':
      return `switch off the server for ${ms(what.downMs)}`;
    case 'cut-network':
      return `cut the network from ${what.from} to ${what.to} (${what.mode}) for ${ms(what.forMs)}`;
    case 'delay-network':
      return `delay the network between ${what.from} and ${what.to} by ${ms(what.delayMs)} for ${ms(what.forMs)}`;
    case 'lose-network':
      return `the network between ${what.from} and ${what.to} loses segments for ${ms(what.forMs)}`;
    case 'reset-network':
      return `reset the connections between ${what.from} and ${what.to}`;
    case 'fill-storage':
      return `no room on the storage (${what.errno}) for ${ms(what.forMs)}`;
    case 'fail-call':
      return describeCallFault(what.fault, what.times);
    case 'hand-over':
      return `ask for a handover to ${what.to ?? 'any node'}`;
    case 'flip-bit':
      return `flip a bit at ${(what.part * 100).toFixed(1)} % of the journal`;
    case 'spoil-sector':
      return `a sector at ${(what.part * 100).toFixed(1)} % of the last blocks of the journal fails to be read`;
    case 'remove-segments':
      return 'an operator deletes every segment of the journal';
  }
}

function describeCallFault(fault: CallFault, times: number): string {
  const often = times > 1 ? `, and the next ${times - 1} like it` : '';
  switch (fault.kind) {
    case 'error':
      return `that call fails with ${fault.errno}${often}`;
    case 'short-write':
      return `only ${Math.round(fault.part * 100)} % of that write is done, then EIO${often}`;
    case 'delay':
      return `that call takes ${ms(fault.delayMs)}${often}`;
  }
}

function nameOf(node: NodeChoice): string {
  if ('name' in node) return node.name;
  if (node.whoever === 'other') return 'another node than the caller';
  return node.whoever === 'backup' ? 'a backup' : `the ${node.whoever}`;
}

function ms(value: number): string {
  return `${Number(value.toFixed(value < 10 ? 2 : 0)).toLocaleString('en')} ms`;
}
