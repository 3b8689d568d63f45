/**
 * The seams to the outside world. Everything that reads a clock, touches a file, takes a lock or
 * moves bytes between threads or hosts comes in through one of these interfaces, so that the same
 * code runs on the real world (platform/node/) and in a simulated one with virtual time.
 */

/** Something scheduled; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds (fractional) of a clock that never jumps and is shared by all threads of a process. */
  monotonicMs(): number;
  /** Milliseconds since 1970. For people to read and for message expiry; it decides no ownership. */
  wallMs(): number;
  /** Runs `callback` once, not before `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` at the end of this turn of the event loop, after the I/O that is ready now. */
  soon(callback: () => void): void;
}

/** What a path or a descriptor points at. Inode and device identify a file on one host. */
export interface FileStat {
  readonly inode: bigint;
  readonly device: bigint;
  readonly linkCount: number;
  readonly sizeBytes: number;
  /** As the file server tells it: good to see that something changed, useless to tell when. */
  readonly modifiedAtMs: number;
}

/**
 * - `read`: existing file, read only. Also opens a directory, for `stat` alone.
 * - `update`: existing file, read and write.
 * - `write-durable`: existing file, write only; every write returns only once it is on stable storage
 *   (O_DSYNC). Of a file that may be read too, the NFS client first reads the page that a write begins or
 *   ends in: a write that waited so for a server may never return (docs/decisions/0008-write-only-segments.md).
 * - `create`: read and write; created when missing, never truncated.
 * - `create-new`: read and write; fails with EEXIST when the name exists (O_EXCL).
 * - `create-new-durable`: the same for a file that does not exist yet (O_EXCL).
 */
export type OpenMode =
  | 'read'
  | 'update'
  | 'write-durable'
  | 'create'
  | 'create-new'
  | 'create-new-durable';

/**
 * An open file. One caller at a time. Every method may block for tens of seconds while a file
 * server restarts; every failure is a `SystemError` with the errno name in `code`.
 */
export interface FileHandle {
  readonly path: string;
  /** Writes all of `bytes` at `position`. Resolves only when all were accepted; a short write that cannot go on is EIO. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Fills `into` from `position`; resolves with the count, which is less than asked only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** fdatasync. A failure must never be followed by another try on this file. */
  sync(): Promise<void>;
  /** The same for files that nobody waits for: other calls of this thread go on meanwhile. */
  syncInBackground(): Promise<void>;
  stat(): Promise<FileStat>;
  /**
   * flock(LOCK_EX | LOCK_NB) on this descriptor: true when held now, false when somebody else holds
   * it. The file must be open for writing, or NFS refuses.
   */
  tryLockExclusive(): Promise<boolean>;
  /** Drops the lock, when one is held, and closes. Idempotent. */
  close(): Promise<void>;
}

export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<FileHandle>;
  stat(path: string): Promise<FileStat>;
  /** Names in a directory, sorted; always asks the server, so another host's new names are in it. */
  list(path: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  /** The directory must be empty. */
  removeDirectory(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  freeBytes(path: string): Promise<number>;
}

/** A one-to-one link between the main thread and the storage thread. In order, never lost while both run. */
export interface Channel<Out, In> {
  post(message: Out, transfer?: readonly ArrayBuffer[]): void;
  /** One receiver; messages that came before it was set are kept for it. */
  onMessage(receiver: (message: In) => void): void;
  /** Called once when the other side is gone. */
  onClose(receiver: (reason: string) => void): void;
}

/** One accepted or dialled stream of bytes. */
export interface Socket {
  /** HOST:PORT of the other side; of the client, once it is known who stands behind the other side. */
  remoteAddress: string;
  /** Left out for a connection without TLS. */
  readonly tls?: TlsFacts;
  /** Bytes accepted but not yet taken by the kernel. */
  readonly bufferedBytes: number;
  /** Takes over `bytes`: the caller must not change them afterwards. */
  write(bytes: Uint8Array): void;
  /** Sends what is buffered, then closes. */
  end(): void;
  /** Closes at once; nothing more is sent. */
  destroy(): void;
  pauseReading(): void;
  resumeReading(): void;
  /**
   * Before `receive`: shows `look` what comes first, and all of it again with each part that follows, until it says
   * how many bytes it takes away; null asks for more. The rest is for `receive`. Resolves then, with nothing
   * taken when the connection ends before or `limitMs` are over: what has been received until then is shown even so.
   */
  peek(look: (bytes: Uint8Array) => number | null, limitMs: number): Promise<void>;
  /**
   * Set once, before any byte but those of `peek` is read. `bytes` given to `onData` is only valid during the call.
   * `onDrain`: `bufferedBytes` has come down to zero after it was above the socket's high-water mark.
   * `onClose`: exactly once, whoever closed; nothing is called after it.
   */
  receive(events: SocketEvents): void;
}

/** What is known of the other side of an encrypted connection. */
export interface TlsFacts {
  /** Of the client, signed by an authority that is trusted; null when it has shown none. */
  readonly certificate: PeerCertificate | null;
}

export interface PeerCertificate {
  /** The distinguished name, for people: `O=Example, CN=ann`. */
  readonly subject: string;
  /** As it is written there; null unless the subject has exactly one. */
  readonly commonName: string | null;
}

/** The server's side of TLS on connections that were accepted as they came. */
export interface TlsEndpoint {
  /**
   * Resolves, after the handshake, with the connection to go on with instead of `socket`, of which nothing
   * was read before. Rejects when there is no handshake, or the client's certificate is refused; the
   * connection is closed then.
   */
  secure(socket: Socket): Promise<Socket>;
}

export interface SocketEvents {
  onData(bytes: Uint8Array): void;
  onDrain(): void;
  onClose(): void;
}

export interface Listener {
  /** The address that was bound, with the real port when 0 was asked for. */
  readonly address: HostPort;
  close(): Promise<void>;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface Network {
  listen(address: HostPort, onConnection: (socket: Socket) => void): Promise<Listener>;
  /** Rejects when it could not connect within `timeoutMs`. */
  connect(address: HostPort, timeoutMs: number): Promise<Socket>;
}

/** What is known of the mount that a directory lies on. */
export interface MountFacts {
  /** Without symbolic links. */
  readonly realPath: string;
  /** The text of /proc/self/mountinfo. */
  readonly mountInfo: string;
}

/** Which process this is, for the documents in the store. */
export interface HostIdentity {
  readonly host: string;
  readonly pid: number;
  /** Names one boot of one machine, and one pid namespace: with the same one, pids mean the same. */
  readonly bootId: string;
}

/** Another process of this host that carries out file system calls: the opponent in trials and tests. */
export interface FileSystemProcess {
  readonly pid: number;
  readonly fileSystem: FileSystem;
  /** kill -9; resolves when the process is gone. Idempotent. */
  kill(): Promise<void>;
}

/** One that can do what a store never does, for the doctor to try it out. */
export interface TrialProcess extends FileSystemProcess {
  /** Nothing of a store is ever renamed: this shows how late another host sees it. */
  rename(from: string, to: string): Promise<void>;
  /** The milliseconds of each write, taken in that process, where no message between the two counts. */
  timeWrites(plan: TimedWrites): Promise<readonly number[]>;
}

/** Synchronous writes (O_DSYNC), one after the other, to a new file. */
export interface TimedWrites {
  readonly path: string;
  readonly sizeBytes: number;
  readonly count: number;
  /** No write begins later than this; there is at least one. */
  readonly limitMs: number;
}

/** How long to wait for one call of such a process, which may hang as long as a file server does. */
export interface Patience {
  /** After this, and again each time that it has passed, `onBlocked` is told. */
  readonly noticeMs: number;
  /** After this the call fails with STORE_STALLED; the process goes on waiting until it is killed. */
  readonly limitMs: number;
  readonly onBlocked: (call: string, blockedMs: number) => void;
}

export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

/** How a command of the operator's ended. */
export interface CommandEnd {
  /** Null when it was ended by a signal, or could not be started. */
  readonly exitCode: number | null;
  /** Null when it ended with an exit code; else what happened, for people. */
  readonly trouble: string | null;
  /** The last of what it wrote to stdout and stderr. */
  readonly output: string;
}

export interface CommandRunner {
  /**
   * Runs `command` in a shell, in a process group of its own, which outlives this process when that is
   * killed. After `limitMs` the whole group is killed. Never rejects.
   */
  run(
    command: string,
    environment: { readonly [name: string]: string },
    limitMs: number,
  ): Promise<CommandEnd>;
}
