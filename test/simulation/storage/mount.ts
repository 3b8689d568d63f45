/**
 * One host's connection to the shared storage. Requests that cannot get through wait here as those
 * of a hard mount do, however long it takes, and go out again when the server can be reached.
 */
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import type { FileServer } from './file-server.js';
import type { ClientHost, Descriptor, Inode } from './inode.js';

export interface Request {
  readonly sentAtMs: number;
  /** The server carries it out. */
  arrive(): void;
  /** The server lost power while this was under way. */
  tear(): void;
}

export type Cut = 'both' | 'to-server' | 'from-server';

/** How long a client needs to notice that a server answers again: the longer, the longer it did not. */
const RECONNECT_MS = { least: 5, most: 1_500 };
/** What waited goes out one after the other. */
const RESEND_MS = 0.02;

export class Mount implements ClientHost {
  readonly host: string;
  readonly #server: FileServer;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  readonly #onContact: (mount: Mount) => void;
  #hasPower = true;
  #cut: Cut | null = null;
  #isRecovering = false;
  /** Changes with everything that makes an earlier plan to reconnect void. */
  #generation = 0;
  #heldRequests: Request[] = [];
  #heldReplies: (() => void)[] = [];
  #lastContactMs = 0;
  #outageBeganMs = 0;
  recallEndsAtMs: number | null = null;
  readonly descriptors = new Set<Descriptor>();
  readonly locked = new Set<Descriptor>();
  /** Counts the times that the host lost its power. */
  powerCuts = 0;
  readonly ownLocks = new Map<Inode, Descriptor>();
  /** What the server still knows of the time before the host lost its power. */
  #leftBehind: Descriptor[] = [];

  constructor(options: {
    readonly host: string;
    readonly server: FileServer;
    readonly scheduler: Scheduler;
    readonly random: SeededRandom;
    readonly trace: Trace;
    /** The server hears of this host again after it could not. */
    readonly onContact: (mount: Mount) => void;
  }) {
    this.host = options.host;
    this.#server = options.server;
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#trace = options.trace;
    this.#onContact = options.onContact;
  }

  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** Requests get to the server. */
  get reachesServer(): boolean {
    return (
      this.#hasPower &&
      this.#server.isUp &&
      !this.#isRecovering &&
      (this.#cut === null || this.#cut === 'from-server')
    );
  }

  /** The server and this host can talk, so leases are renewed and calls back are answered. */
  get isInContact(): boolean {
    return this.#cut === null && this.reachesServer;
  }

  get leaseIsOver(): boolean {
    const { leaseMs } = this.#server.profile;
    return !this.isInContact && this.#scheduler.nowMs - this.#lastContactMs >= leaseMs;
  }

  transmit(delayMs: number, request: Request): void {
    this.#scheduler.schedule(delayMs, () => this.#arrive(request));
  }

  /** Gives the host the server's answer, as soon as one can get there. */
  reply(deliver: () => void): void {
    if (this.isInContact) deliver();
    else if (this.#hasPower) this.#heldReplies.push(deliver);
  }

  cutOff(direction: Cut): void {
    this.#contactEnds();
    this.#cut = direction;
  }

  heal(): void {
    if (this.#cut === null) return;
    this.#cut = null;
    this.reconnect();
  }

  powerOff(): Descriptor[] {
    this.#contactEnds();
    this.#hasPower = false;
    this.powerCuts += 1;
    this.#heldRequests = [];
    this.#heldReplies = [];
    this.ownLocks.clear();
    this.#leftBehind.push(...this.descriptors);
    this.descriptors.clear();
    return this.#leftBehind;
  }

  boot(): void {
    if (this.#hasPower) return;
    this.#hasPower = true;
    this.reconnect();
  }

  serverGoesDown(): void {
    this.#contactEnds();
  }

  /** A server that has just started knows of no older lease. */
  serverCameUp(): void {
    this.#lastContactMs = this.#scheduler.nowMs;
    this.reconnect();
  }

  /** Something was mended: if nothing else is in the way, the client finds out some time later. */
  reconnect(): void {
    if (!this.#hasPower || !this.#server.isUp) return;
    this.#generation += 1;
    const generation = this.#generation;
    this.#isRecovering = true;
    this.#scheduler.schedule(this.#reconnectMs(), () => {
      if (generation === this.#generation) this.#recover();
    });
  }

  /** Descriptors of the time before the last power-off, once: the server forgets them now. */
  takeLeftBehind(): Descriptor[] {
    return this.#leftBehind.splice(0);
  }

  #reconnectMs(): number {
    const { behaviour, profile } = this.#server;
    if (behaviour.isLocal) return 0;
    const outageMs = this.#scheduler.nowMs - this.#outageBeganMs;
    const most = Math.min(RECONNECT_MS.most, outageMs, profile.graceMs / 2);
    return this.#random.between(RECONNECT_MS.least, Math.max(most, 2 * RECONNECT_MS.least));
  }

  #recover(): void {
    this.#isRecovering = false;
    if (this.#cut === 'both' || this.#cut === 'to-server') return;
    this.#lastContactMs = this.#scheduler.nowMs;
    this.recallEndsAtMs = null;
    if (this.#trace.isOn) this.#trace.note(this.host, () => 'reaches the file server again');
    this.#onContact(this);
    let delayMs = 0;
    for (const request of this.#heldRequests.splice(0)) {
      this.transmit(delayMs, request);
      delayMs += RESEND_MS;
    }
    if (this.#cut !== null) return;
    for (const deliver of this.#heldReplies.splice(0)) {
      this.#scheduler.schedule(delayMs, () => this.reply(deliver));
      delayMs += RESEND_MS;
    }
  }

  #arrive(request: Request): void {
    if (this.reachesServer) {
      this.#lastContactMs = this.#scheduler.nowMs;
      request.arrive();
      return;
    }
    const { isUp, powerCutAtMs } = this.#server;
    const wasUnderWay = !isUp && request.sentAtMs <= powerCutAtMs && this.#cut === null;
    if (wasUnderWay && this.#random.chance(0.5)) request.tear();
    if (this.#hasPower) this.#heldRequests.push(request);
    // What was on the cable when the host lost its power may have arrived all the same.
    else if (isUp && this.#cut === null && this.#random.chance(0.5)) request.arrive();
  }

  #contactEnds(): void {
    this.#generation += 1;
    if (this.isInContact) {
      this.#outageBeganMs = this.#scheduler.nowMs;
      // A client renews its lease when two thirds of it are over, or by any call.
      const renewedMs = this.#scheduler.nowMs - this.#random.between(0, 0.66) * this.#leaseMs;
      this.#lastContactMs = Math.max(this.#lastContactMs, renewedMs);
    }
    this.#isRecovering = false;
  }

  get #leaseMs(): number {
    return this.#server.profile.leaseMs;
  }
}
