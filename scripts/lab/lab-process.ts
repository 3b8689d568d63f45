/**
 * A process on a host of the lab: in a guest, through its agent; on the client host, a process of this
 * machine in that namespace. Whoever started it need not know which.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import {
  AGENT_PORT,
  encodeFrame,
  FrameDecoder,
  type FrameKind,
  type ProcessEnd,
  type ProcessRequest,
} from './frames.js';
import { controlAddress, type Guest } from './hosts.js';
import { HostError, LabError } from './lab-error.js';
import { readOut } from './read-out.js';
import { findUser, type User } from './user.js';

/** How often a process in a guest looks whether its guest still has power. */
const POWER_CHECK_INTERVAL_MS = 100;

export interface LabProcess {
  /** On that host; fails when the process could not be started. */
  readonly pid: Promise<number>;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Fails when the process could not be started, and when its host lost its power. */
  readonly ended: Promise<ProcessEnd>;
  write(input: string | Uint8Array): void;
  endInput(): void;
  /** To the process and all that it started. */
  signal(signal: NodeJS.Signals): void;
  /** Lets go of a process that may not be able to answer: `ended` fails now. */
  abandon(): void;
}

/** Whose failure may interest nobody must not end this program. */
function tolerate<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}

export class GuestProcess implements LabProcess {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly pid: Promise<number>;
  readonly ended: Promise<ProcessEnd>;
  readonly #guest: Guest;
  readonly #connection: ChildProcess;
  readonly #powerCheck: NodeJS.Timeout;
  #onStart: (pid: number) => void = () => undefined;
  #onNoStart: (error: Error) => void = () => undefined;
  #onEnd: (end: ProcessEnd) => void = () => undefined;
  #onLoss: (error: Error) => void = () => undefined;
  #connectionSaid = '';

  constructor(guest: Guest, namespace: string, request: ProcessRequest, hasPower: () => boolean) {
    this.#guest = guest;
    this.pid = tolerate(
      new Promise((resolve, reject) => {
        this.#onStart = resolve;
        this.#onNoStart = reject;
      }),
    );
    this.ended = tolerate(
      new Promise((resolve, reject) => {
        this.#onEnd = resolve;
        this.#onLoss = reject;
      }),
    );
    // A process of Node cannot enter a namespace, so another program makes the connection.
    const target = `TCP:${controlAddress(guest)}:${AGENT_PORT}`;
    this.#connection = spawn('ip', ['netns', 'exec', namespace, 'socat', '-', target], {
      stdio: 'pipe',
      // Ctrl-C in a terminal is for the process in the guest, which is told of it.
      detached: true,
    });
    const decoder = new FrameDecoder((kind, payload) => this.#onFrame(kind, payload));
    this.#connection.stdout?.on('data', (bytes: Buffer) => decoder.push(bytes));
    this.#connection.stderr?.on('data', (bytes: Buffer) => {
      this.#connectionSaid += bytes.toString();
    });
    this.#connection.stdin?.on('error', () => undefined);
    this.#connection.on('error', (error) => this.#lose(error.message));
    this.#connection.on('close', () => this.#lose(this.#connectionSaid.trim()));
    // Nobody closes the connections of a host without power.
    this.#powerCheck = setInterval(() => {
      if (!hasPower()) this.#lose(`${guest} has no power`);
    }, POWER_CHECK_INTERVAL_MS);
    this.#send('request', JSON.stringify(request));
  }

  write(input: string | Uint8Array): void {
    this.#send('input', input);
  }

  endInput(): void {
    this.#send('end-of-input');
  }

  signal(signal: NodeJS.Signals): void {
    this.#send('signal', signal);
  }

  /** The agent kills it when it finds the connection gone. */
  abandon(): void {
    this.#lose('it was given up');
  }

  #send(kind: FrameKind, payload: string | Uint8Array = ''): void {
    if (this.#connection.stdin?.writable) this.#connection.stdin.write(encodeFrame(kind, payload));
  }

  #onFrame(kind: FrameKind, payload: Buffer): void {
    if (kind === 'started') this.#onStart(Number(payload.toString()));
    else if (kind === 'output') this.stdout.write(payload);
    else if (kind === 'error-output') this.stderr.write(payload);
    else if (kind === 'failed') this.#lose(payload.toString());
    else if (kind === 'ended') {
      this.#close();
      this.#onEnd(JSON.parse(payload.toString()) as ProcessEnd);
    }
  }

  #lose(reason: string): void {
    const error = new HostError(`The process on ${this.#guest} is lost: ${reason || 'no answer'}.`);
    this.#close();
    // Each of these does nothing when it was decided otherwise before.
    this.#onNoStart(error);
    this.#onLoss(error);
  }

  #close(): void {
    clearInterval(this.#powerCheck);
    this.#connection.kill('SIGKILL');
    this.stdout.end();
    this.stderr.end();
  }
}

/** Ends with this program, as a process in a guest ends with its connection. */
function commandOnThisMachine({ command, user }: ProcessRequest): readonly string[] {
  const { uid, gid } = findUserOfThisMachine(user);
  const asUser = uid === 0 ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return ['setpriv', '--pdeathsig=KILL', ...asUser, 'bash', '--norc', '-c', command];
}

function findUserOfThisMachine(name: string): User {
  try {
    return findUser(name);
  } catch (error) {
    throw new LabError(`h: ${(error as Error).message} on this machine.`);
  }
}

/** On the client host `h`. */
export class NamespaceProcess implements LabProcess {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly pid: Promise<number>;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #onLoss: (error: Error) => void = () => undefined;

  constructor(namespace: string, request: ProcessRequest) {
    const child = spawn('ip', ['netns', 'exec', namespace, ...commandOnThisMachine(request)], {
      cwd: request.directory,
      env: { ...process.env, ...request.environment },
      // A group of its own, so that signals reach all of it and Ctrl-C does not by itself.
      detached: true,
      stdio: 'pipe',
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (bytes: Buffer) => this.stdout.write(bytes));
    child.stderr.on('data', (bytes: Buffer) => this.stderr.write(bytes));
    this.pid = tolerate(
      new Promise((resolve, reject) => {
        child.once('spawn', () => resolve(child.pid as number));
        child.once('error', reject);
      }),
    );
    const lost = new Promise<never>((_, reject) => {
      this.#onLoss = reject;
    });
    this.ended = tolerate(
      Promise.race([readOut(child), lost]).finally(() => {
        this.stdout.end();
        this.stderr.end();
      }),
    );
  }

  write(input: string | Uint8Array): void {
    this.#child.stdin.write(input);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  signal(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    process.kill(-pid, signal);
  }

  abandon(): void {
    this.#onLoss(new LabError('The process on h is lost: it was given up.'));
  }
}
