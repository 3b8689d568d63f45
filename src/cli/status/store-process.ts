/** The store, read by a child process: a call that hangs in the kernel would keep this process from ending. */

import { type ChildProcess, fork } from 'node:child_process';
import { type ErrorCode, HoldfastError } from '../../platform/errors.js';
import type { StoreStatus } from '../../store/store-status.js';
import { durationText } from '../text.js';

const PROGRAM = new URL('./read-store.js', import.meta.url);

export interface StoreQuestion {
  readonly store: string;
  readonly observeMs: number;
}

export type StoreAnswer =
  | { readonly kind: 'read'; readonly status: StoreStatus }
  /** What is wrong with the store, or with the question. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** A call to the file system ended with an error: EIO, ESTALE and the like. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'defect'; readonly message: string };

/** The status, or why this host cannot read it: words that follow "The store ". */
export type StoreLook =
  | { readonly status: StoreStatus; readonly trouble: null }
  | { readonly status: null; readonly trouble: string };

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

  /**
   * Without an answer within `limitMs` that is the trouble; the next call then waits for the same one.
   * @throws HoldfastError when it is no store, or one that cannot be read at all.
   */
  async read(observeMs: number, limitMs: number): Promise<StoreLook> {
    this.#pending ??= this.#ask(observeMs);
    const answer = await within(limitMs, this.#pending);
    if (answer === null) {
      const silentMs = performance.now() - this.#askedAtMs;
      return { status: null, trouble: `has not answered this host for ${durationText(silentMs)}` };
    }
    this.#pending = null;
    switch (answer.kind) {
      case 'read':
        return { status: answer.status, trouble: null };
      case 'failed':
        return { status: null, trouble: `cannot be read by this host (${answer.message})` };
      case 'refused':
        throw new HoldfastError(answer.code, answer.message);
      case 'defect':
        throw new Error(answer.message);
    }
  }

  /** The child may be stuck in the kernel: nobody waits for its end. */
  close(): void {
    this.#child.kill('SIGKILL');
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #ended(how: string): void {
    const message = `The process that reads the store ended (${how}).`;
    this.#end ??= { kind: 'defect', message };
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
