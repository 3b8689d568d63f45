/** What can be made to go wrong in a node, and how a test hands it to the process. */
import type { Moment } from './moment.js';

export type FaultEffect =
  /** SIGKILL, right there. */
  | { readonly kind: 'kill' }
  /** The call fails with this errno. */
  | { readonly kind: 'fail'; readonly errno: string }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The call never returns; one that is synchronous holds up its thread for ever. */
  | { readonly kind: 'hang' };

/** Where something goes wrong. */
export interface FaultPlace {
  readonly at: Moment;
  /** Counting begins once this moment was; without it, with the process. */
  readonly since?: Moment;
  /** The first time that it strikes, counted from 1, which is the default. */
  readonly nth?: number;
  /**
   * - `before`: in place of the call.
   * - `during`: half of the write is done before (with `fail`: a short write).
   * - `after`: the call was carried out, but nobody has heard of it yet.
   *
   * A lock that was refused has no `after`.
   */
  readonly when: 'before' | 'during' | 'after';
}

export interface Fault extends FaultPlace {
  readonly name: string;
  readonly effect: FaultEffect;
  /** Default: once. */
  readonly times?: 'once' | 'from-then-on';
}

/** A takeover is over in milliseconds, and what a test does in the middle of one would come too late. Its epoch is claimed by then. */
export const SLOW_TAKEOVER: Fault = {
  name: 'slow takeover',
  at: 'taking-over: sync-directory epochs',
  when: 'after',
  effect: { kind: 'delay', delayMs: 2_000 },
};

/** Not HOLDFAST_...: the configuration refuses variables of that prefix that it does not know. */
export const FAULTS_VARIABLE = 'STORE_FAULTS';

export function encodeFaults(faults: readonly Fault[]): string {
  return JSON.stringify(faults);
}

/** @throws when the variable is missing or no JSON: a test without its faults would show nothing. */
export function decodeFaults(text: string | undefined): Fault[] {
  if (text === undefined) throw new Error(`${FAULTS_VARIABLE} is not set`);
  return JSON.parse(text) as Fault[];
}
