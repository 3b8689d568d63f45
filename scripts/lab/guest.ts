/**
 * One guest: a kernel that runs as a process of this machine. Its record names that process, with the
 * time of its start, so that a number that was given to another process since is not mistaken for it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestRoot } from './guest-root.js';
import { controlAddress, dataAddress, type Guest, hardwareAddress } from './hosts.js';
import { LabError } from './lab-error.js';
import { controlPort, dataPort } from './network.js';
import { type LabPlaces, PROJECT } from './places.js';
import { lastLines, PROGRAM_PATH } from './run-program.js';

export type PowerState = 'up' | 'paused' | 'down';

export interface GuestHardware {
  readonly memoryMb: number;
  /** Where its memory lies, as a file. */
  readonly memoryFolder: string;
  readonly disk: string | null;
}

interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: string;
}

interface ProcessState {
  /** `R`, `S`, `T`, `Z` and so on. */
  readonly state: string;
  readonly group: number;
  readonly startTicks: string;
}

/** The last line of guest/agent.ts before it serves. */
const READY_LINE = 'the agent listens';
const POLL_INTERVAL_MS = 10;
const POWER_OFF_LIMIT_MS = 10_000;

export class GuestMachine {
  readonly guest: Guest;
  readonly #places: LabPlaces;

  constructor(guest: Guest, places: LabPlaces) {
    this.guest = guest;
    this.#places = places;
  }

  get power(): PowerState {
    const state = this.#process()?.state;
    if (state === undefined || state === 'Z') return 'down';
    return state === 'T' ? 'paused' : 'up';
  }

  get hasPower(): boolean {
    return this.power !== 'down';
  }

  /** Whether its agent listens. */
  get isReady(): boolean {
    return this.hasPower && this.#console().includes(READY_LINE);
  }

  /** Starts the kernel; it is not ready then. Never call it for a guest that has power. */
  start(root: GuestRoot, hardware: GuestHardware): void {
    // A kernel that was killed leaves its folder, and the next one of the same name would refuse to start.
    rmSync(join(this.#places.folder, this.guest), { recursive: true, force: true });
    const console = openSync(this.#places.console(this.guest), 'w');
    const args = this.#kernelArguments(root, hardware);
    const child = spawn('ip', ['netns', 'exec', this.#places.namespace, root.kernel, ...args], {
      // A session of its own, to be killed as one group.
      detached: true,
      stdio: ['ignore', console, console],
      env: {
        ...process.env,
        PATH: PROGRAM_PATH,
        TMPDIR: hardware.memoryFolder,
      },
    });
    closeSync(console);
    child.unref();
    if (child.pid === undefined) throw new LabError(`${this.guest}: the kernel was not started.`);
    const { startTicks } = processState(child.pid) ?? { startTicks: '' };
    const record: ProcessRecord = { pid: child.pid, startTicks };
    writeFileSync(this.#places.guestRecord(this.guest), `${JSON.stringify(record)}\n`);
  }

  /** As if somebody had pulled its plug. */
  async powerOff(): Promise<void> {
    const record = this.#record();
    if (record !== null && this.#process() !== null) {
      process.kill(-record.pid, 'SIGKILL');
      const deadline = performance.now() + POWER_OFF_LIMIT_MS;
      while (groupIsAlive(record.pid)) {
        if (performance.now() > deadline) {
          throw new LabError(`${this.guest}: process group ${record.pid} does not end.`);
        }
        await delay(POLL_INTERVAL_MS);
      }
    }
    rmSync(this.#places.guestRecord(this.guest), { force: true });
  }

  /** Stops the kernel between two instructions; its clocks go on. */
  pause(): void {
    process.kill(this.#requirePower().pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#requirePower().pid, 'SIGCONT');
  }

  /** The last lines that the guest's kernel and first process wrote. */
  consoleEnd(): string {
    return lastLines(this.#console(), 15);
  }

  #console(): string {
    return readFileSync(this.#places.console(this.guest), 'utf8');
  }

  #requirePower(): ProcessRecord {
    const record = this.#record();
    if (record !== null && this.hasPower) return record;
    throw new LabError(`${this.guest} has no power; see "npm run lab -- status".`);
  }

  #record(): ProcessRecord | null {
    try {
      return JSON.parse(
        readFileSync(this.#places.guestRecord(this.guest), 'utf8'),
      ) as ProcessRecord;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  #process(): ProcessState | null {
    const record = this.#record();
    if (record === null) return null;
    const state = processState(record.pid);
    return state?.startTicks === record.startTicks ? state : null;
  }

  #kernelArguments(root: GuestRoot, { memoryMb, disk }: GuestHardware): readonly string[] {
    const { guest } = this;
    const card = (number: number, port: string, depth: number, network: 'data' | 'control') =>
      // Without gro=1 the kernel drops packets that the host has joined.
      `vec${number}:transport=tap,ifname=${port},depth=${depth},gro=1,mac=${hardwareAddress(guest, network)}`;
    return [
      `mem=${memoryMb}M`,
      `umid=${guest}`,
      `uml_dir=${this.#places.folder}/`,
      'root=/dev/root',
      'rootfstype=hostfs',
      `rootflags=${root.root}`,
      'ro',
      'init=/init',
      'quiet',
      'panic=1',
      'con=null',
      'con0=null,fd:1',
      'ssl=null',
      ...(disk === null ? [] : [`ubd0=${disk}`]),
      card(0, dataPort(guest), 128, 'data'),
      card(1, controlPort(guest), 64, 'control'),
      // For scripts/lab/guest/init.sh.
      `LAB_HOST=${guest}`,
      `LAB_DATA_ADDRESS=${dataAddress(guest)}/24`,
      `LAB_CONTROL_ADDRESS=${controlAddress(guest)}/24`,
      `LAB_TREE=${PROJECT}`,
      `LAB_NODE=${root.node}`,
    ];
  }
}

function processState(pid: number): ProcessState | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name, in brackets, may have spaces; after it the third field of proc(5) comes first.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', group: Number(fields[2]), startTicks: fields[19] ?? '' };
}

function groupIsAlive(group: number): boolean {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => {
    const process = processState(Number(pid));
    return process !== null && process.group === group && process.state !== 'Z';
  });
}
