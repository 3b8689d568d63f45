/**
 * How long the next attempt has to wait after wrong passwords: for everybody at one remote address
 * (counted-address.ts), twice as long each time, and for a user from wherever, but never so long that others could lock the user out.
 */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = { address: 5_000, user: 1_000 } as const;
/** After so long without another failure nothing is held against anybody. */
const FORGET_MS = 60_000;
/** Addresses and users that are remembered; the one that failed longest ago goes first. */
const MAX_REMEMBERED = 10_000;

interface Failures {
  count: number;
  untilMs: number;
  lastMs: number;
}

type Kind = keyof typeof LONGEST_DELAY_MS;

export class BackOff {
  /** In the order of their last failure. */
  private readonly failures = new Map<string, Failures>();

  /** Monotonic milliseconds before which no attempt may be looked at. */
  blockedUntilMs(address: string, user: string): number {
    const ofAddress = this.failures.get(keyOf('address', address))?.untilMs ?? 0;
    const ofUser = this.failures.get(keyOf('user', user))?.untilMs ?? 0;
    return Math.max(ofAddress, ofUser);
  }

  hasFailed(address: string): boolean {
    return this.failures.has(keyOf('address', address));
  }

  /** Returns for how long this address waits from now on, in milliseconds. */
  failed(address: string, user: string, nowMs: number): number {
    this.add('user', user, nowMs);
    return this.add('address', address, nowMs);
  }

  /** The user is known again. What others at the address got wrong is still held against it. */
  succeeded(user: string): void {
    this.failures.delete(keyOf('user', user));
  }

  private add(kind: Kind, name: string, nowMs: number): number {
    const key = keyOf(kind, name);
    const known = this.failures.get(key);
    const count = known === undefined || nowMs - known.lastMs > FORGET_MS ? 1 : known.count + 1;
    const doubled = FIRST_DELAY_MS * 2 ** Math.min(count - 1, 20);
    const delayMs = Math.min(doubled, LONGEST_DELAY_MS[kind]);
    this.failures.delete(key);
    this.failures.set(key, { count, untilMs: nowMs + delayMs, lastMs: nowMs });
    if (this.failures.size > MAX_REMEMBERED) {
      const [oldest] = this.failures.keys();
      if (oldest !== undefined) this.failures.delete(oldest);
    }
    return delayMs;
  }
}

function keyOf(kind: Kind, name: string): string {
  return `${kind} ${name}`;
}
