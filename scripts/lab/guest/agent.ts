/**
 * Runs in every guest and starts the processes that the lab asks for. One connection is one process:
 * when the connection ends, its whole process group is killed, so that a test that dies leaves nothing behind.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import {
  AGENT_PORT,
  encodeFrame,
  FrameDecoder,
  type FrameKind,
  type ProcessRequest,
} from '../frames.js';
import { readOut } from '../read-out.js';
import { findUser } from '../user.js';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function startProcess(request: ProcessRequest): Child {
  const { uid, gid, home } = findUser(request.user);
  // Its input is a socket, and bash would take that for a remote shell and read ~/.bashrc.
  return spawn('/bin/bash', ['--norc', '-c', request.command], {
    cwd: request.directory,
    env: { ...process.env, HOME: home, USER: request.user, ...request.environment },
    // A group of its own, so that signals reach all of it.
    detached: true,
    stdio: 'pipe',
    uid,
    gid,
  });
}

class Connection {
  readonly #socket: Socket;
  #child: Child | null = null;
  #isRunning = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const decoder = new FrameDecoder((kind, payload) => this.#onFrame(kind, payload));
    socket.on('data', (bytes: Buffer) => decoder.push(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#signal('SIGKILL'));
  }

  #onFrame(kind: FrameKind, payload: Buffer): void {
    if (kind === 'request') this.#start(JSON.parse(payload.toString()) as ProcessRequest);
    else if (kind === 'input') this.#child?.stdin.write(payload);
    else if (kind === 'end-of-input') this.#child?.stdin.end();
    else if (kind === 'signal') this.#signal(payload.toString() as NodeJS.Signals);
  }

  #start(request: ProcessRequest): void {
    try {
      this.#run(startProcess(request)).catch((error: Error) => this.#fail(error));
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #run(child: Child): Promise<void> {
    this.#child = child;
    child.on('spawn', () => this.#socket.write(encodeFrame('started', String(child.pid))));
    child.stdout.on('data', (bytes: Buffer) => this.#pass('output', bytes));
    child.stderr.on('data', (bytes: Buffer) => this.#pass('error-output', bytes));
    // It may end without having read everything.
    child.stdin.on('error', () => undefined);
    this.#isRunning = true;
    child.on('exit', () => {
      this.#isRunning = false;
    });
    const end = await readOut(child);
    this.#socket.end(encodeFrame('ended', JSON.stringify(end)));
  }

  #fail(error: Error): void {
    this.#isRunning = false;
    this.#socket.end(encodeFrame('failed', error.message));
  }

  #pass(kind: FrameKind, bytes: Buffer): void {
    if (this.#socket.write(encodeFrame(kind, bytes))) return;
    this.#child?.stdout.pause();
    this.#child?.stderr.pause();
    this.#socket.once('drain', () => {
      this.#child?.stdout.resume();
      this.#child?.stderr.resume();
    });
  }

  /** To the whole group; once the first process has ended, its number may be another's. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.#isRunning) return;
    process.kill(-pid, signal);
  }
}

const address = process.argv[2];
createServer((socket) => new Connection(socket)).listen(AGENT_PORT, address, () => {
  process.stdout.write(`the agent listens on ${address}\n`);
});
