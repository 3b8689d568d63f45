/**
 * Attempts to log in, looked at one after the other: a password takes tens of milliseconds of a thread, and
 * whoever sends thousands of wrong ones must not take what others need. An attempt whose address or user
 * has to wait lets others go first; after a wrong one the thread rests for longer than it worked.
 */
import { HoldfastError } from '../platform/errors.js';
import type { Clock, Timer } from '../platform/ports.js';
import { BackOff } from './back-off.js';
import { countedAddress } from './counted-address.js';

const MAX_WAITING = 1_000;
const MAX_WAITING_OF_ADDRESS = 100;
/** Clients do not wait for longer either. */
const WAIT_LIMIT_MS = 8_000;
/** So wrong passwords take a tenth of one processor at most. */
const REST_PER_WORK = 9;
const LONGEST_REST_MS = 1_000;

export interface Attempt {
  /** Of the client, without its port; IPv6 with or without brackets. */
  readonly address: string;
  readonly user: string;
}

interface Waiting extends Attempt {
  readonly sinceMs: number;
  readonly work: () => Promise<boolean>;
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class AttemptQueue {
  private readonly clock: Clock;
  private readonly backOff = new BackOff();
  private readonly waiting: Waiting[] = [];
  private readonly waitingOf = new Map<string, number>();
  private isWorking = false;
  private restsUntilMs = 0;
  private timer: Timer | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Resolves with what `work` finds, a wrong one only after the delay that it earned. Rejects with
   * LIMIT_EXCEEDED an attempt that there is no room or no time for: nothing is known of it, and a client
   * that is told so comes again, where one whose password is wrong gives up.
   */
  attempt(of: Attempt, work: () => Promise<boolean>): Promise<boolean> {
    const { user } = of;
    const address = countedAddress(of.address);
    const ofAddress = this.waitingOf.get(address) ?? 0;
    if (this.waiting.length >= MAX_WAITING || ofAddress >= MAX_WAITING_OF_ADDRESS) {
      return Promise.reject(tooMany());
    }
    return new Promise((resolve, reject) => {
      const sinceMs = this.clock.monotonicMs();
      this.waiting.push({ address, user, sinceMs, work, resolve, reject });
      this.waitingOf.set(address, ofAddress + 1);
      this.next();
    });
  }

  /** Of a client that got no further. */
  countFailure(address: string): void {
    this.backOff.failed(countedAddress(address), '', this.clock.monotonicMs());
  }

  /** As many as may wait do, of an address that got some of them wrong: those of clients that come back are no flood. */
  isFlooded(address: string): boolean {
    const counted = countedAddress(address);
    const waiting = this.waitingOf.get(counted) ?? 0;
    return waiting >= MAX_WAITING_OF_ADDRESS && this.backOff.hasFailed(counted);
  }

  private next(): void {
    if (this.isWorking) return;
    this.timer?.cancel();
    this.timer = null;
    const nowMs = this.clock.monotonicMs();
    this.giveUpOld(nowMs);
    let wakeAtMs = Number.POSITIVE_INFINITY;
    for (const [index, attempt] of this.waiting.entries()) {
      wakeAtMs = Math.min(wakeAtMs, attempt.sinceMs + WAIT_LIMIT_MS + 1);
      const { address, user } = attempt;
      const fromMs = Math.max(this.restsUntilMs, this.backOff.blockedUntilMs(address, user));
      if (fromMs <= nowMs) {
        this.waiting.splice(index, 1);
        void this.carryOut(attempt, nowMs);
        return;
      }
      wakeAtMs = Math.min(wakeAtMs, fromMs);
    }
    if (this.waiting.length === 0) return;
    this.timer = this.clock.after(Math.max(1, wakeAtMs - nowMs), () => this.next());
  }

  private giveUpOld(nowMs: number): void {
    while (nowMs - (this.waiting[0]?.sinceMs ?? nowMs) > WAIT_LIMIT_MS) {
      const attempt = this.waiting.shift() as Waiting;
      this.leave(attempt);
      attempt.reject(tooMany());
    }
  }

  private async carryOut(attempt: Waiting, beganMs: number): Promise<void> {
    const { address, user, work, resolve, reject } = attempt;
    this.isWorking = true;
    try {
      const isRight = await work();
      const nowMs = this.clock.monotonicMs();
      if (isRight) {
        this.backOff.succeeded(user);
        this.leave(attempt);
        resolve(true);
      } else {
        const delayMs = this.backOff.failed(address, user, nowMs);
        const restMs = Math.min((nowMs - beganMs) * REST_PER_WORK, LONGEST_REST_MS);
        this.restsUntilMs = nowMs + restMs;
        this.clock.after(delayMs, () => {
          this.leave(attempt);
          resolve(false);
        });
      }
    } catch (error) {
      this.leave(attempt);
      reject(error);
    } finally {
      this.isWorking = false;
      this.next();
    }
  }

  /** It counts against its address until it was answered. */
  private leave({ address }: Attempt): void {
    const left = (this.waitingOf.get(address) ?? 1) - 1;
    if (left === 0) this.waitingOf.delete(address);
    else this.waitingOf.set(address, left);
  }
}

function tooMany(): HoldfastError {
  return new HoldfastError(
    'LIMIT_EXCEEDED',
    'Too many logins wait to be looked at, of this address or of all; connect again later.',
  );
}
