/**
 * Processes and their threads. What happens to a thread (a timer, an answer of the file server, bytes
 * from a socket) waits while its process is paused or the thread sits in a system call, and never
 * happens once the process is dead. A pause may therefore fall on every await there is.
 */
import type { Scheduled, Scheduler } from './scheduler.js';

export class SimulatedProcess {
  readonly name: string;
  readonly pid: number;
  readonly main: SimulatedThread;
  readonly storage: SimulatedThread;
  readonly scheduler: Scheduler;
  /** Everything that happens to this process happens so much later: a node short of processor time. */
  lagMs = 0;
  #isAlive = true;
  #pausedUntilMs = 0;
  readonly #onDeath: (() => void)[] = [];

  constructor(scheduler: Scheduler, name: string, pid: number) {
    this.scheduler = scheduler;
    this.name = name;
    this.pid = pid;
    this.main = new SimulatedThread(this, 'main');
    this.storage = new SimulatedThread(this, 'storage');
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.scheduler.nowMs < this.#pausedUntilMs;
  }

  /** `kill -9`, and the end of every other kind. Idempotent. */
  die(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const callback of this.#onDeath.splice(0)) callback();
  }

  /** What the kernel does at the end of a process: closes descriptors and connections. */
  onDeath(callback: () => void): void {
    if (this.#isAlive) this.#onDeath.push(callback);
    else callback();
  }

  /** SIGSTOP, and SIGCONT after `durationMs`. */
  pause(durationMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.scheduler.nowMs + durationMs);
    this.scheduler.schedule(durationMs, () => {
      if (this.isPaused) return;
      this.main.goOn();
      this.storage.goOn();
    });
  }
}

export class SimulatedThread {
  readonly process: SimulatedProcess;
  readonly name: string;
  readonly #waiting: (() => void)[] = [];
  #isBlocked = false;
  #isGoingOn = false;

  constructor(process: SimulatedProcess, role: 'main' | 'storage') {
    this.process = process;
    this.name = `${process.name}/${role}`;
  }

  /** Runs `callback` on this thread, `delayMs` from now or as soon after as the thread runs. */
  run(delayMs: number, callback: () => void): Scheduled {
    const { scheduler, lagMs } = this.process;
    let isCancelled = false;
    const scheduled = scheduler.schedule(delayMs + lagMs, () => {
      if (this.#mustWait()) this.#waiting.push(() => isCancelled || callback());
      else if (this.process.isAlive) callback();
    });
    return {
      cancel: () => {
        isCancelled = true;
        scheduled.cancel();
      },
    };
  }

  /** The thread enters a system call that does not return before `unblock`: nothing else runs on it. */
  block(): void {
    this.#isBlocked = true;
  }

  /** The system call returns, and `callback` goes on before anything that came meanwhile. To be called on no thread. */
  unblock(callback: () => void): void {
    this.#isBlocked = false;
    if (!this.process.isAlive) return;
    if (this.process.isPaused) this.#waiting.unshift(callback);
    else callback();
    this.goOn();
  }

  /** As `run(0, ...)`, but in this very event when nothing keeps the thread. To be called on no thread. */
  resume(callback: () => void): void {
    if (this.process.lagMs > 0) this.run(0, callback);
    else if (this.#mustWait()) this.#waiting.push(callback);
    else if (this.process.isAlive) callback();
  }

  /** Lets what waits run, one event after the other. */
  goOn(): void {
    if (this.#isGoingOn || this.#waiting.length === 0) return;
    this.#isGoingOn = true;
    this.process.scheduler.schedule(0, () => {
      this.#isGoingOn = false;
      if (!this.process.isAlive || this.process.isPaused || this.#isBlocked) return;
      this.#waiting.shift()?.();
      this.goOn();
    });
  }

  #mustWait(): boolean {
    if (!this.process.isAlive) return false;
    return this.process.isPaused || this.#isBlocked || this.#waiting.length > 0;
  }
}
