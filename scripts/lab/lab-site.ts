/** What a lab consists of on this machine: guests, network, disk and records; made, found and removed. */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { chmod, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestMachine } from './guest.js';
import { ensureGuestRoot, type GuestRoot } from './guest-root.js';
import { BROKERS, type Guest, SERVER } from './hosts.js';
import { LabError } from './lab-error.js';
import { installMissingPrograms, requireMachine } from './machine.js';
import { LabNetwork } from './network.js';
import { cacheFolder, LabPlaces, PROJECT } from './places.js';
import { runProgram } from './run-program.js';
import { checkLabName, checkSettings, type LabSettings } from './settings.js';

export type Progress = (line: string) => void;

interface LabRecord {
  readonly settings: LabSettings;
  readonly root: GuestRoot;
  /** The file server's disk. */
  readonly disk: string;
  /** Where the guests' memory lies, as files. */
  readonly memoryFolder: string;
}

const GUESTS: readonly Guest[] = [SERVER, ...BROKERS];
const DISK_BYTES = 4 * 2 ** 30;
/** Seven seconds on a quiet machine. */
const BOOT_LIMIT_MS = 180_000;
const POLL_INTERVAL_MS = 20;

export class LabSite {
  readonly places: LabPlaces;
  readonly network: LabNetwork;
  readonly #machines: ReadonlyMap<Guest, GuestMachine>;
  readonly #progress: Progress;
  #root: GuestRoot | null = null;

  constructor(name: string, progress: Progress) {
    this.places = new LabPlaces(checkLabName(name));
    this.network = new LabNetwork(this.places);
    this.#machines = new Map(GUESTS.map((guest) => [guest, new GuestMachine(guest, this.places)]));
    this.#progress = progress;
  }

  machine(guest: Guest): GuestMachine {
    return this.#machines.get(guest) as GuestMachine;
  }

  get isLaid(): boolean {
    return existsSync(this.places.record);
  }

  /** What the lab was started with. */
  record(): LabRecord {
    if (!this.isLaid) {
      const { name } = this.places;
      throw new LabError(`There is no lab ${name}; start it: npm run lab -- up --name ${name}`);
    }
    return JSON.parse(readFileSync(this.places.record, 'utf8')) as LabRecord;
  }

  /** What is there once for all labs; takes minutes on a new machine. */
  async build(settings: LabSettings): Promise<void> {
    checkSettings(settings);
    requireMachine();
    // The guests' kernel takes it from its command line.
    for (const path of [PROJECT, cacheFolder()]) {
      if (!/[\s,]/.test(path)) continue;
      throw new LabError(`Guests cannot see ${path}: its name has a space or a comma. Move it.`);
    }
    await installMissingPrograms(this.#progress);
    this.#root = await ensureGuestRoot(this.#progress);
  }

  /** Makes network, disk and records, or finds those that are there and whole. */
  async lay(settings: LabSettings): Promise<void> {
    if (this.#root === null) throw new Error('build() comes first');
    const isNew = !this.isLaid;
    if (!isNew) this.#checkServer(settings);
    // Without a record nobody knows which guests run, and a host must never be booted twice.
    if (isNew || !(await this.network.exists())) {
      if (!isNew) this.#progress('mending what is left of this lab');
      await this.#removeRunning();
      await this.network.create();
    }
    await mkdir(this.places.programs, { recursive: true });
    const disk = this.#ownDisk;
    if (isNew || !existsSync(disk)) await makeDisk(disk);
    await this.#writePrograms();
    const memoryFolder = isNew
      ? findMemoryFolder(settings, this.places.folder)
      : this.record().memoryFolder;
    const record: LabRecord = { settings, root: this.#root, disk, memoryFolder };
    await writeFile(this.places.record, `${JSON.stringify(record, null, 2)}\n`);
  }

  /** The handles of files that clients keep mean nothing to another server. */
  #checkServer({ server }: LabSettings): void {
    const { name } = this.places;
    const running = this.record().settings.server;
    if (server === running) return;
    throw new LabError(
      `The lab ${name} is up with --server ${running}; to have --server ${server}, bring it down ` +
        `first: npm run lab -- down --name ${name}`,
    );
  }

  /** Gives power to a guest that has none. */
  start(guest: Guest): void {
    const { settings, root, disk, memoryFolder } = this.record();
    const isServer = guest === SERVER;
    this.machine(guest).start(root, {
      memoryMb: isServer ? settings.serverMemoryMb : settings.memoryMb,
      memoryFolder,
      disk: isServer ? disk : null,
    });
  }

  /** Resolves when the guest has booted and its agent listens. */
  async untilReady(guest: Guest): Promise<void> {
    const machine = this.machine(guest);
    const deadline = performance.now() + BOOT_LIMIT_MS;
    while (!machine.isReady) {
      if (!machine.hasPower || performance.now() > deadline) {
        const what = machine.hasPower ? `is not ready after ${BOOT_LIMIT_MS} ms` : 'did not boot';
        await machine.powerOff();
        throw new LabError(`${guest} ${what}. The end of its console:\n${machine.consoleEnd()}`);
      }
      await delay(POLL_INTERVAL_MS);
    }
  }

  async clear(): Promise<void> {
    // A disk is made before the record of it.
    const disk = this.isLaid ? this.record().disk : this.#ownDisk;
    await this.#removeRunning();
    await rm(disk, { force: true });
    await rm(this.places.folder, { recursive: true, force: true });
  }

  get #ownDisk(): string {
    return join(cacheFolder(), `disk-${this.places.name}.ext4`);
  }

  async #removeRunning(): Promise<void> {
    for (const machine of this.#machines.values()) await machine.powerOff();
    // Also whoever is in the namespaces without a record, on the client host or after a crash.
    await this.network.remove();
  }

  /** `holdfast` on the client host is the one of this project, as it is in the guests. */
  async #writePrograms(): Promise<void> {
    const path = join(this.places.programs, 'holdfast');
    const main = join(PROJECT, 'dist', 'src', 'cli', 'main.js');
    await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    await chmod(path, 0o755);
  }
}

/** In memory, where there is room for the files of all guests: they take it bit by bit. */
function findMemoryFolder(settings: LabSettings, otherwise: string): string {
  const { brokers, memoryMb, serverMemoryMb } = settings;
  const wantedBytes = (serverMemoryMb + brokers.length * memoryMb) * 2 ** 20;
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > wantedBytes ? '/dev/shm' : otherwise;
  } catch {
    return otherwise;
  }
}

async function makeDisk(path: string): Promise<void> {
  await rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  // Takes room only where something was written.
  await truncate(path, DISK_BYTES);
  await runProgram('mkfs.ext4', ['-q', '-F', path]);
}
