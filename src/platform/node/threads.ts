/** The real storage thread: a worker, a channel to it, and how a process ends when a thread hangs. */

import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Channel } from '../ports.js';

export interface StartedThread<Out, In> {
  readonly channel: Channel<Out, In>;
  /** Resolves when the thread has ended. A thread that hangs in the kernel does not end. */
  terminate(): Promise<void>;
}

/** Starts `entry` as a worker thread with a copy of `data`. */
export function startThread<Out, In>(entry: URL, data: unknown): StartedThread<Out, In> {
  const worker = new Worker(entry, { workerData: data });
  const closeReceivers: ((reason: string) => void)[] = [];
  let reason: string | null = null;
  let receive: ((message: In) => void) | null = null;
  const early: In[] = [];
  worker.on('message', (message: In) => {
    if (receive === null) early.push(message);
    else receive(message);
  });
  const closed = (why: string): void => {
    if (reason !== null) return;
    reason = why;
    for (const receiver of closeReceivers) receiver(why);
  };
  worker.on('error', (error) => closed(error.stack ?? String(error)));
  worker.on('exit', (code) => closed(`the thread ended with code ${code}`));
  return {
    channel: {
      post: (message, transfer = []) => worker.postMessage(message, transfer as ArrayBuffer[]),
      onMessage: (receiver) => {
        receive = receiver;
        for (const message of early.splice(0)) receiver(message);
      },
      onClose: (receiver) => {
        if (reason === null) closeReceivers.push(receiver);
        else receiver(reason);
      },
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
}

/** Inside a worker: the other end of `startThread`'s channel. */
export function parentChannel<Out, In>(): Channel<Out, In> {
  const port = requireParent();
  return {
    post: (message, transfer = []) => port.postMessage(message, transfer as ArrayBuffer[]),
    onMessage: (receiver) => void port.on('message', receiver),
    onClose: (receiver) => void port.on('close', () => receiver('the main thread is gone')),
  };
}

export function threadData(): unknown {
  return workerData;
}

/** Ends this process at once, also with a thread stuck in the kernel: `process.exit` would wait for it. */
export function killThisProcess(): never {
  process.kill(process.pid, 'SIGKILL');
  // Still here: this is the first process of a container, which the kernel lets nobody kill from inside.
  // Aborting ends it all the same; a worker thread cannot do that, so `start` warns of such a place.
  process.abort();
}

function requireParent(): MessagePort {
  if (parentPort === null) throw new Error('this module runs in a worker thread only');
  return parentPort;
}
