/**
 * Starts a process that carries out file system calls for this one. Locks and crashes between two
 * processes can be tried out in earnest that way: by the doctor and by the tests.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { HoldfastError } from '../errors.js';
import type {
  FileHandle,
  FileStat,
  FileSystem,
  OpenMode,
  Patience,
  TrialProcess,
} from '../ports.js';
import type { FileSystemAnswer, FileSystemCall } from './file-system-calls.js';

const MAIN = fileURLToPath(new URL('./file-system-process-main.js', import.meta.url));

/** Without `patience` a call may take as long as it takes. */
export async function startFileSystemProcess(patience?: Patience): Promise<TrialProcess> {
  const child = fork(MAIN, [], { serialization: 'advanced', execArgv: [] });
  const caller = new Caller(child, patience ?? null);
  await caller.ask({ call: 'hello' });
  return {
    pid: child.pid ?? 0,
    fileSystem: new RemoteFileSystem(caller),
    rename: (path, to) => caller.ask({ call: 'rename', path, to }),
    timeWrites: (plan) => caller.ask({ call: 'timeWrites', ...plan }),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

class Caller {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #patience: Patience | null;
  #lastNumber = 0;
  #gone: Error | null = null;

  constructor(child: ChildProcess, patience: Patience | null) {
    this.#child = child;
    this.#patience = patience;
    child.on('message', (message) => this.#receive(message as FileSystemAnswer));
    child.on('error', (error) => this.#fail(error));
    child.on('exit', () => this.#fail(new Error('The process for file system calls has ended.')));
  }

  /** `path`: of the open file that the call is about, when it does not name one itself. */
  async ask<Value>(call: FileSystemCall, path = ''): Promise<Value> {
    if (this.#gone !== null) throw this.#gone;
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const stopWatching = this.#watch(number, `${call.call} ${'path' in call ? call.path : path}`);
    return await new Promise<Value>((resolve, reject) => {
      this.#waiting.set(number, { resolve: (value) => resolve(value as Value), reject });
      this.#child.send({ number, call }, (error) => {
        if (error !== null) this.#fail(error);
      });
    }).finally(stopWatching);
  }

  #watch(number: number, call: string): () => void {
    // A process that starts slowly is not the file server's fault.
    if (this.#patience === null || call.startsWith('hello')) return () => undefined;
    const { noticeMs, limitMs, onBlocked } = this.#patience;
    const beganMs = performance.now();
    const notice = setInterval(() => onBlocked(call, performance.now() - beganMs), noticeMs);
    const limit = setTimeout(() => {
      const sentence = `The file server has not answered for ${limitMs / 1_000} s (${call}).`;
      this.#waiting.get(number)?.reject(new HoldfastError('STORE_STALLED', sentence));
      this.#waiting.delete(number);
    }, limitMs);
    return () => {
      clearInterval(notice);
      clearTimeout(limit);
    };
  }

  #receive(answer: FileSystemAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (answer.failed === null) waiting?.resolve(answer.value);
    else waiting?.reject(Object.assign(new Error(answer.failed.message), answer.failed));
  }

  #fail(error: Error): void {
    this.#gone ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

class RemoteFileSystem implements FileSystem {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    const handle = await this.#caller.ask<number>({ call: 'open', path, mode });
    return new RemoteFileHandle(this.#caller, path, handle);
  }

  stat(path: string): Promise<FileStat> {
    return this.#caller.ask({ call: 'stat', path });
  }

  list(path: string): Promise<string[]> {
    return this.#caller.ask({ call: 'list', path });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#caller.ask({ call: 'makeDirectory', path });
  }

  removeDirectory(path: string): Promise<void> {
    return this.#caller.ask({ call: 'removeDirectory', path });
  }

  unlink(path: string): Promise<void> {
    return this.#caller.ask({ call: 'unlink', path });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#caller.ask({ call: 'syncDirectory', path });
  }

  freeBytes(path: string): Promise<number> {
    return this.#caller.ask({ call: 'freeBytes', path });
  }
}

class RemoteFileHandle implements FileHandle {
  readonly path: string;
  readonly #caller: Caller;
  readonly #handle: number;

  constructor(caller: Caller, path: string, handle: number) {
    this.path = path;
    this.#caller = caller;
    this.#handle = handle;
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#caller.ask({ call: 'write', handle: this.#handle, bytes, position }, this.path);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const call = { call: 'read', handle: this.#handle, length: into.byteLength, position } as const;
    const bytes = await this.#caller.ask<Uint8Array>(call, this.path);
    into.set(bytes);
    return bytes.byteLength;
  }

  sync(): Promise<void> {
    return this.#caller.ask({ call: 'sync', handle: this.#handle }, this.path);
  }

  syncInBackground(): Promise<void> {
    return this.#caller.ask({ call: 'syncInBackground', handle: this.#handle }, this.path);
  }

  stat(): Promise<FileStat> {
    return this.#caller.ask({ call: 'statHandle', handle: this.#handle }, this.path);
  }

  tryLockExclusive(): Promise<boolean> {
    return this.#caller.ask({ call: 'tryLockExclusive', handle: this.#handle }, this.path);
  }

  close(): Promise<void> {
    return this.#caller.ask({ call: 'close', handle: this.#handle }, this.path);
  }
}
