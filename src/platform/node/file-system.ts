/**
 * The real file system. Writes, syncs and lock calls are made synchronously, because they run in
 * the storage thread, where latency counts and nothing may overtake them. Everything else goes
 * through libuv's threads, so that an open() that hangs on a restarting file server does not hold
 * up lock polling.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { flockSync } from 'fs-ext';
import { errnoOf } from '../errors.js';
import type { FileHandle, FileStat, FileSystem, OpenMode } from '../ports.js';

const openAsync = promisify(fs.open);
const closeAsync = promisify(fs.close);
const fstatAsync = promisify(fs.fstat);
const fdatasyncAsync = promisify(fs.fdatasync);
const fsyncAsync = promisify(fs.fsync);
const statAsync = promisify(fs.stat);

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_DSYNC, O_DIRECTORY } = fs.constants;

const OPEN_FLAGS: { readonly [mode in OpenMode]: number } = {
  read: O_RDONLY,
  update: O_RDWR,
  'write-durable': O_WRONLY | O_DSYNC,
  create: O_RDWR | O_CREAT,
  'create-new': O_RDWR | O_CREAT | O_EXCL,
  'create-new-durable': O_WRONLY | O_CREAT | O_EXCL | O_DSYNC,
};

/** Messages are for the nodes alone: all of a store run as one user. */
const FILE_PERMISSIONS = 0o600;
const DIRECTORY_PERMISSIONS = 0o700;

class NodeFileHandle implements FileHandle {
  readonly path: string;
  readonly #descriptor: number;
  #closed = false;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const descriptor = this.#openDescriptor('write');
    let done = 0;
    while (done < bytes.byteLength) {
      const length = bytes.byteLength - done;
      const written = fs.writeSync(descriptor, bytes, done, length, position + done);
      if (written === 0) throw systemError('EIO', 'write', this.path);
      done += written;
    }
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.byteLength) {
      const count = await this.#readOnce(into, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async sync(): Promise<void> {
    fs.fdatasyncSync(this.#openDescriptor('fdatasync'));
  }

  async syncInBackground(): Promise<void> {
    await fdatasyncAsync(this.#openDescriptor('fdatasync'));
  }

  async stat(): Promise<FileStat> {
    return toFileStat(await fstatAsync(this.#openDescriptor('fstat'), { bigint: true }));
  }

  async tryLockExclusive(): Promise<boolean> {
    try {
      flockSync(this.#openDescriptor('flock'), 'exnb');
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EAGAIN' || errno === 'EWOULDBLOCK') return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closeAsync(this.#descriptor);
  }

  #readOnce(into: Uint8Array, offset: number, position: number): Promise<number> {
    const descriptor = this.#openDescriptor('read');
    return new Promise((resolve, reject) => {
      fs.read(descriptor, into, offset, into.byteLength - offset, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  /** The kernel reuses numbers: a call after close() could otherwise reach another file. */
  #openDescriptor(systemCall: string): number {
    if (this.#closed) throw systemError('EBADF', systemCall, this.path);
    return this.#descriptor;
  }
}

class NodeFileSystem implements FileSystem {
  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    return new NodeFileHandle(path, await openAsync(path, OPEN_FLAGS[mode], FILE_PERMISSIONS));
  }

  async stat(path: string): Promise<FileStat> {
    return toFileStat(await statAsync(path, { bigint: true }));
  }

  async list(path: string): Promise<string[]> {
    return (await fs.promises.readdir(path)).sort();
  }

  makeDirectory(path: string): Promise<void> {
    return fs.promises.mkdir(path, DIRECTORY_PERMISSIONS).then(() => undefined);
  }

  removeDirectory(path: string): Promise<void> {
    return fs.promises.rmdir(path);
  }

  unlink(path: string): Promise<void> {
    return fs.promises.unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const descriptor = await openAsync(path, O_RDONLY | O_DIRECTORY);
    try {
      await fsyncAsync(descriptor);
    } finally {
      await closeAsync(descriptor);
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await fs.promises.statfs(path);
    return bavail * bsize;
  }
}

export const nodeFileSystem: FileSystem = Object.freeze(new NodeFileSystem());

function toFileStat(stat: fs.BigIntStats): FileStat {
  return {
    inode: stat.ino,
    device: stat.dev,
    linkCount: Number(stat.nlink),
    sizeBytes: Number(stat.size),
    modifiedAtMs: Number(stat.mtimeMs),
  };
}

function systemError(code: string, systemCall: string, path: string): Error {
  const message = `${code}: ${systemCall} '${path}'`;
  return Object.assign(new Error(message), { code, syscall: systemCall, path });
}
