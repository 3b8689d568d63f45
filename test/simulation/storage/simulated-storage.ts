/** Puts a shared storage together, and does to it what operators, cables and power supplies do. */
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import { BEHAVIOUR, type Behaviour } from './behaviour.js';
import type { Client } from './client.js';
import { CoherentClient } from './coherent-client.js';
import { FileServer } from './file-server.js';
import { ProcessFileSystem } from './file-system.js';
import { Locks } from './locks.js';
import { type Cut, Mount, type Request } from './mount.js';
import { NfsClient } from './nfs-client.js';
import { ProcessCalls } from './process-calls.js';
import type { ProcessParts } from './process-parts.js';
import type {
  CallInterceptor,
  SharedStorage,
  SimulatedFileSystem,
  StorageObserver,
  StorageProfile,
} from './shared-storage.js';
import { Truth } from './truth.js';

/** How long the kernel of another host needs to give back what a killed process held. */
const KILL_SHOWS_MS = { least: 1, most: 150 };

export interface SimulatedStorageOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly profile: StorageProfile;
  readonly observer: StorageObserver;
  readonly interceptor: CallInterceptor;
}

interface Host {
  readonly mount: Mount;
  readonly client: Client;
}

export class SimulatedStorage implements SharedStorage {
  readonly profile: StorageProfile;
  readonly truth: Truth;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  readonly #interceptor: CallInterceptor;
  readonly #behaviour: Behaviour;
  readonly #server: FileServer;
  readonly #locks: Locks;
  readonly #hosts = new Map<string, Host>();
  readonly #traffic = new Map<SimulatedProcess, { bytesRead: number }>();
  /** Changes with every stop of the server, so that only the last one's restart counts. */
  #serverStops = 0;

  constructor(options: SimulatedStorageOptions) {
    this.profile = options.profile;
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#trace = options.trace;
    this.#interceptor = options.interceptor;
    this.#behaviour = BEHAVIOUR[options.profile.kind];
    this.#server = new FileServer({ ...options, behaviour: this.#behaviour });
    this.#locks = new Locks(this.#server, options.trace);
    this.truth = new Truth(this.#server, this.#locks, this.#makeMount('(tools)'));
  }

  stableBytes(path: string, position: number, length: number): Uint8Array | null {
    return this.#server.stableBytes(path, position, length);
  }

  bytesReadBy(process: SimulatedProcess): number {
    return this.#traffic.get(process)?.bytesRead ?? 0;
  }

  fileSystemOf(process: SimulatedProcess, host: string): SimulatedFileSystem {
    const { mount, client } = this.#host(host);
    const open: ProcessParts['open'] = new Set();
    const traffic = this.#traffic.get(process) ?? { bytesRead: 0 };
    this.#traffic.set(process, traffic);
    const fileSystem = new ProcessFileSystem({
      server: this.#server,
      locks: this.#locks,
      client,
      calls: new ProcessCalls({
        process,
        mount,
        interceptor: this.#interceptor,
        random: this.#random,
        trace: this.#trace,
      }),
      caller: { process, mount },
      open,
      traffic,
    });
    process.onDeath(() => this.#closeAll(mount, open));
    return fileSystem;
  }

  cutOff(host: string, direction: Cut): void {
    if (this.#behaviour.isLocal) return;
    this.#note(() => `${host} is cut off (${direction})`);
    this.#host(host).mount.cutOff(direction);
  }

  heal(host: string): void {
    this.#note(() => `${host} is connected again`);
    this.#host(host).mount.heal();
  }

  restartServer(downMs: number): void {
    this.#note(() => 'stops to restart');
    this.#stopServer(downMs);
  }

  powerOffServer(downMs: number): void {
    this.#note(() => 'loses power');
    this.#stopServer(downMs);
    this.#server.losePower();
  }

  powerOffHost(host: string): void {
    const { mount, client } = this.#host(host);
    if (!mount.hasPower) return;
    const leftBehind = mount.powerOff();
    client.powerOff();
    if (this.#behaviour.isLocal) {
      this.#server.isUp = false;
      this.#server.losePower();
      for (const descriptor of leftBehind) this.#locks.unlock(descriptor);
    } else if (!this.#behaviour.hasClientCaches) {
      this.#server.loseHost(mount);
    }
  }

  bootHost(host: string): void {
    if (this.#behaviour.isLocal) this.#server.isUp = true;
    this.#host(host).mount.boot();
  }

  fill(errno: 'ENOSPC' | 'EDQUOT'): void {
    this.#note(() => `is full (${errno})`);
    this.#server.refuse(errno);
  }

  free(): void {
    this.#note(() => 'has room again');
    this.#server.refuse(null);
  }

  spoil(path: string, position: number): void {
    this.#note(() => `cannot read ${path} at ${position} any more`);
    this.#server.existing(path, 'read').unreadableAt = position;
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      const mount = this.#makeMount(name);
      host = { mount, client: this.#makeClient(mount) };
      this.#hosts.set(name, host);
    }
    return host;
  }

  #makeMount(host: string): Mount {
    return new Mount({
      host,
      server: this.#server,
      scheduler: this.#scheduler,
      random: this.#random,
      trace: this.#trace,
      onContact: (mount) => this.#onContact(mount),
    });
  }

  #makeClient(mount: Mount): Client {
    const parts = { server: this.#server, mount, random: this.#random };
    if (!this.#behaviour.hasClientCaches) return new CoherentClient(parts);
    const runLater = (delayMs: number, callback: () => void): void =>
      this.#asKernel(mount, delayMs, callback);
    return new NfsClient({ ...parts, locks: this.#locks, runLater });
  }

  /** What a host's kernel sends on its own: it outlives processes, not a loss of power. */
  #asKernel(mount: Mount, delayMs: number, arrive: () => void): void {
    const { powerCuts } = mount;
    this.#scheduler.schedule(delayMs, () => {
      if (mount.powerCuts !== powerCuts) return;
      const sentAtMs = this.#scheduler.nowMs;
      const request: Request = { sentAtMs, arrive, tear: () => undefined };
      mount.transmit(this.#random.wait(this.#behaviour.roundTripMs), request);
    });
  }

  #closeAll(mount: Mount, open: ProcessParts['open']): void {
    if (this.#behaviour.isLocal) {
      for (const handle of open) handle.abandon();
      return;
    }
    const delayMs = this.#random.between(KILL_SHOWS_MS.least, KILL_SHOWS_MS.most);
    this.#asKernel(mount, delayMs, () => {
      for (const handle of open) handle.abandon();
    });
  }

  #stopServer(downMs: number): void {
    const mounts = [...this.#hosts.values()].map(({ mount }) => mount);
    for (const mount of mounts) mount.serverGoesDown();
    this.#server.isUp = false;
    this.#server.stoppedAtMs = this.#scheduler.nowMs;
    this.#serverStops += 1;
    const stop = this.#serverStops;
    if (this.#behaviour.hasGrace) this.#locks.forgetAll(mounts);
    this.#scheduler.schedule(downMs, () => {
      if (stop === this.#serverStops) this.#startServer(stop);
    });
  }

  #startServer(stop: number): void {
    this.#server.isUp = true;
    this.#note(() => 'is up again');
    if (this.#behaviour.hasGrace) {
      this.#locks.beginGrace();
      this.#scheduler.schedule(this.profile.graceMs, () => {
        if (stop === this.#serverStops) this.#locks.endGrace();
      });
    }
    for (const { mount } of this.#hosts.values()) mount.serverCameUp();
  }

  #onContact(mount: Mount): void {
    for (const descriptor of mount.takeLeftBehind()) {
      this.#locks.unlock(descriptor);
      descriptor.inode.removeDescriptor(descriptor);
    }
    this.#locks.reclaim(mount);
  }

  #note(describe: () => string): void {
    this.#trace.note('storage', describe);
  }
}
