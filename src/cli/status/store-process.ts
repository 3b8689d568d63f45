/** The store, read by a child process: a call that hangs in the kernel would keep this process from ending. */

import { type ChildProcess, fork } from 'node:child_process';
import { type ErrorCode, HoldfastError } from '../../platform/errors.js';
import type { StoreStatus } from '../../store/store-status.js';

const PROGRAM = new URL('./read-store.js', import.meta.url);

export interface StoreQuestion {
  readonly store: string;
  readonly observeMs: number;
}

export type StoreAnswer =
  | { readonly kind: 'read'; readonly status: StoreStatus }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly message: string };

export class StoreProcess {
  readonly #store: string;
  readonly #child: ChildProcess;
  #receive: (answer: StoreAnswer) => void = () => undefined;
  #pending: Promise<StoreAnswer> | null = null;
  #askedAtMs = 0;
  /** Why there will be no more answers. */
  #end: StoreAnswer | null = null;

  constructor(store: string) {
    this.#store = store;
    this.#child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: StoreAnswer) => this.#receive(answer));
    this.#child.on('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
    this.#child.on('error', (error) => this.#ended(error.message));
  }

  /** For how long the question under way has not been answered; 0 when there is none. */
  get silentMs(): number {
    return this.#pending === null ? 0 : performance.now() - this.#askedAtMs;
  }

  /**
   * Null when there is no answer within `limitMs`; the next call then waits for the same one.
   * @throws what reading the store threw.
   */
  async read(observeMs: number, limitMs: number): Promise<StoreStatus | null> {
    this.#pending ??= this.#ask(observeMs);
    const answer = await within(limitMs, this.#pending);
    if (answer === null) return null;
    this.#pending = null;
    if (answer.kind === 'read') return answer.status;
    throw answer.code === null
      ? new Error(answer.message)
      : new HoldfastError(answer.code, answer.message);
  }

  /** The child may be stuck in the kernel: nobody waits for its end. */
  close(): void {
    this.#child.kill('SIGKILL');
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #ended(how: string): void {
    const message = `The process that reads the store ended (${how}).`;
    this.#end ??= { kind: 'failed', code: null, message };
    this.#receive(this.#end);
  }

  #ask(observeMs: number): Promise<StoreAnswer> {
    if (this.#end !== null) return Promise.resolve(this.#end);
    this.#askedAtMs = performance.now();
    const answer = new Promise<StoreAnswer>((resolve) => {
      this.#receive = resolve;
    });
    this.#child.send({ store: this.#store, observeMs } satisfies StoreQuestion);
    return answer;
  }
}

async function within<Result>(limitMs: number, promise: Promise<Result>): Promise<Result | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, limitMs, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
