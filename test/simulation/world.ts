/**
 * One simulated world: hosts, the shared storage, the network between them and the nodes, with
 * everything that a fault can do to them.
 */
import { join } from 'node:path/posix';
import { fencesOf } from '../../src/doctor/fences.js';
import { parseSegmentName } from '../../src/journal/format.js';
import type { Role } from '../../src/ownership/role.js';
import { messageOf } from '../../src/platform/errors.js';
import { storeLayout } from '../../src/store/layout.js';
import { Checks } from './checks/checks.js';
import { readStoredJournal } from './checks/stored-journal.js';
import { type ClusterSettings, nodeConfig, STOMP_PORT, STORE } from './cluster/config.js';
import { requestHandover } from './cluster/handover-request.js';
import { SimulatedHost } from './cluster/host.js';
import type { NodeObserver } from './cluster/observer.js';
import { FAMILY, type SimulatedNode } from './cluster/simulated-node.js';
import { Supervisor } from './cluster/supervisor.js';
import type { FaultInjector } from './faults/fault-injector.js';
import type { FaultNode, FaultTarget } from './faults/fault-target.js';
import type { SimulatedProcess } from './kernel/process.js';
import { SeededRandom } from './kernel/random.js';
import { Scheduler } from './kernel/scheduler.js';
import { Trace } from './kernel/trace.js';
import { SimulatedNetwork } from './network/simulated-network.js';
import type { Breach } from './seed-result.js';
import type { SharedStorage, StorageProfile } from './storage/shared-storage.js';
import { SimulatedStorage } from './storage/simulated-storage.js';
import { WallOffsets } from './workload/wall-offsets.js';

export interface NodePlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly profile: StorageProfile;
  readonly settings: ClusterSettings;
  readonly nodes: readonly NodePlace[];
  /** RestartSec of the nodes' units. */
  readonly restartAfterMs: number;
  readonly injector: FaultInjector;
  readonly onTraceLine: ((line: string) => void) | null;
}

/** How far wrong the wall clock of a host may be at first. */
const MOST_SKEW_MS = 120_000;
const REPLAY_SHARE = 0.15;
const LAST_BLOCKS = 4;
const LAYOUT = storeLayout(STORE);

/** Where the nodes of a world are: each on a host of its own, or all on one. */
export function placeNodes(count: number, onOneHost: boolean): NodePlace[] {
  return ['a', 'b', 'c'].slice(0, count).map((name, index) => ({
    name,
    host: onOneHost ? 'host-a' : `host-${name}`,
    port: STOMP_PORT + (onOneHost ? index : 0),
  }));
}

export class World implements FaultTarget {
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly storage: SharedStorage;
  readonly checks: Checks;
  readonly isFencedByServer: boolean;
  readonly #options: WorldOptions;
  readonly #supervisor: Supervisor;
  /** How wrong the clocks of the nodes' hosts were, at least and at most. */
  readonly wallOffsets = new WallOffsets();
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #faultNodes: readonly FaultNode[];
  readonly #faultNodeOf = new Map<SimulatedProcess, FaultNode>();
  #breach: Breach | null = null;
  #handovers = 0;

  constructor(options: WorldOptions) {
    const { seed, profile, settings, nodes, injector, restartAfterMs } = options;
    const { scheduler } = this;
    const stream = (name: string): SeededRandom => new SeededRandom(seed, name);
    this.#options = options;
    this.trace = new Trace(scheduler, options.onTraceLine);
    this.network = new SimulatedNetwork({
      scheduler,
      random: stream('network'),
      trace: this.trace,
    });
    this.storage = new SimulatedStorage({
      scheduler,
      random: stream('storage'),
      trace: this.trace,
      profile,
      observer: { onChange: (change) => this.checks.onChange(change) },
      interceptor: {
        before: (call) => {
          const fault = injector.before(call);
          if (fault !== null) this.#noteStorage();
          return fault;
        },
        after: (call) => injector.after(call),
      },
    });
    this.isFencedByServer = fencesOf(FAMILY[profile.kind])[0]?.holds === 'yes';
    this.checks = new Checks({
      onBreach: (invariant, sentence) => this.break(invariant, sentence),
      random: stream('checks'),
      storage: this.storage,
      layout: LAYOUT,
      freshMs: settings.ownership.freshMs,
      segmentBytes: settings.journal.segmentBytes,
      slackBytes: Math.max(settings.journal.slackBytes, 2 * settings.journal.segmentBytes),
      isFencedByServer: this.isFencedByServer,
      replayShare: REPLAY_SHARE,
    });
    const surroundings = {
      scheduler,
      seed,
      storage: this.storage,
      network: this.network,
      observer: this.#observer(injector),
      trace: this.trace,
    };
    this.#supervisor = new Supervisor({ surroundings, restartAfterMs });
    const skews = stream('wall clocks');
    this.#faultNodes = nodes.map((place) => this.#faultNode(place));
    for (const place of nodes) {
      const host = this.host(place.host, skews.between(-MOST_SKEW_MS, MOST_SKEW_MS));
      this.wallOffsets.note(host.clocks.wallOffsetMs);
      this.#supervisor.add({ name: place.name, host, config: nodeConfig(settings, place) });
    }
  }

  /** The first promise that was broken. */
  get breach(): Breach | null {
    return this.#breach;
  }

  /** The latest run of every node. */
  get runs(): readonly SimulatedNode[] {
    return this.#supervisor.nodes;
  }

  /** A host by its name; a new one when there is none yet. */
  host(name: string, wallSkewMs: number): SimulatedHost {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      const witnesses = [this.storage, this.network];
      host = new SimulatedHost({ scheduler: this.scheduler, name, wallSkewMs, witnesses });
      this.#hosts.set(name, host);
    }
    return host;
  }

  break(invariant: string, sentence: string): void {
    if (this.#breach !== null) return;
    this.#breach = { invariant, sentence, atMs: this.scheduler.nowMs };
    this.trace.note('BREACH', () => `${invariant}: ${sentence}`);
  }

  // What faults do.

  get nodes(): readonly FaultNode[] {
    return this.#faultNodes;
  }

  nodeOf(process: SimulatedProcess): FaultNode | null {
    return process.isAlive ? (this.#faultNodeOf.get(process) ?? null) : null;
  }

  kill(name: string): boolean {
    this.#note();
    const node = this.#running(name);
    node?.kill();
    return node !== null;
  }

  stop(name: string): boolean {
    const node = this.#running(name);
    node?.stop();
    return node !== null;
  }

  holdDown(name: string): void {
    this.#note();
    this.#supervisor.holdDown(name);
  }

  letUp(name: string): void {
    this.#supervisor.letUp(name);
  }

  pause(name: string, forMs: number): boolean {
    this.#note();
    const node = this.#running(name);
    node?.pause(forMs);
    return node !== null;
  }

  lag(name: string, lagMs: number): boolean {
    this.#note();
    const node = this.#running(name);
    if (node !== null) node.process.lagMs = lagMs;
    return node !== null;
  }

  powerOffHost(name: string): boolean {
    this.#noteStorage();
    if (this.#options.profile.kind === 'local') this.checks.facts.serverPowerCut = true;
    const host = this.#hosts.get(name);
    if (host === undefined || !host.hasPower) return false;
    this.trace.note(name, () => 'loses power');
    host.powerOff();
    return true;
  }

  bootHost(name: string): void {
    this.trace.note(name, () => 'boots');
    this.#hosts.get(name)?.boot();
  }

  jumpWallClock(name: string, byMs: number): boolean {
    this.#note();
    const host = this.#hosts.get(name);
    if (host === undefined) return false;
    host.jumpWallClock(byMs);
    this.wallOffsets.note(host.clocks.wallOffsetMs);
    return true;
  }

  cutStorage(host: string, direction: 'both' | 'to-server' | 'from-server'): boolean {
    this.#noteStorage();
    this.storage.cutOff(host, direction);
    return true;
  }

  healStorage(host: string): void {
    this.storage.heal(host);
  }

  restartServer(downMs: number): boolean {
    this.#noteStorage();
    this.storage.restartServer(downMs);
    return true;
  }

  powerOffServer(downMs: number): boolean {
    this.#noteStorage();
    this.checks.facts.serverPowerCut = true;
    this.storage.powerOffServer(downMs);
    return true;
  }

  fillStorage(errno: 'ENOSPC' | 'EDQUOT'): boolean {
    this.#noteStorage();
    this.storage.fill(errno);
    return true;
  }

  freeStorage(): void {
    this.storage.free();
  }

  cutNetwork(from: string, to: string, mode: 'both' | 'one-way'): boolean {
    this.#note();
    this.network.cut(from, to, mode);
    return true;
  }

  healNetwork(from: string, to: string): void {
    this.network.heal(from, to);
  }

  delayNetwork(from: string, to: string, delayMs: number): boolean {
    this.network.delay(from, to, delayMs);
    return true;
  }

  loseNetwork(from: string, to: string, forMs: number): boolean {
    this.network.drop(from, to, forMs);
    return true;
  }

  resetNetwork(from: string, to: string): boolean {
    return this.network.reset(from, to);
  }

  requestHandover(to: string | null): boolean {
    this.#handovers += 1;
    const requestId = `handover-${this.#handovers}`;
    const wallMs = this.scheduler.nowMs;
    requestHandover(this.storage.truth, LAYOUT, { requestId, to, wallMs }).catch((error: unknown) =>
      this.trace.note('fault', () => `no handover could be asked for: ${messageOf(error)}`),
    );
    return true;
  }

  /** One bit of a block that is not the last; the last one might pass for a torn one. */
  flipBit(part: number): boolean {
    this.#note();
    this.#flipBit(part).catch((error: unknown) => this.break('exception', messageOf(error)));
    return true;
  }

  async #flipBit(part: number): Promise<void> {
    const { truth } = this.storage;
    const stored = await readStoredJournal(truth, LAYOUT.journalDirectory);
    const blocks = [...stored.blocks.values()].slice(0, -1);
    const block = blocks[Math.floor(part * blocks.length)];
    const segment = stored.segments.find(({ number }) => number === block?.segment);
    if (block === undefined || segment === undefined) return;
    const position = block.offset + Math.floor(((part * 7919) % 1) * block.lengthBytes);
    const handle = await truth.open(segment.path, 'update');
    const byte = new Uint8Array(1);
    await handle.read(byte, position);
    byte[0] = (byte[0] ?? 0) ^ 0x10;
    await handle.write(byte, position);
    await handle.close();
    this.trace.note('fault', () => `a bit of ${segment.path} at ${position} has flipped`);
    this.checks.onDamage();
  }

  /** Of one of the last few blocks, which a backup may not have read yet. */
  spoilSector(part: number): boolean {
    this.#spoilSector(part).catch((error: unknown) => this.break('exception', messageOf(error)));
    return true;
  }

  async #spoilSector(part: number): Promise<void> {
    const { truth } = this.storage;
    const stored = await readStoredJournal(truth, LAYOUT.journalDirectory);
    const last = [...stored.blocks.values()].slice(-LAST_BLOCKS);
    const block = last[Math.floor(part * last.length)];
    const segment = stored.segments.find(({ number }) => number === block?.segment);
    if (block === undefined || segment === undefined) return;
    this.storage.spoil(segment.path, block.offset);
    this.checks.onUnreadable();
  }

  removeSegments(): boolean {
    this.#removeSegments().catch((error: unknown) => this.break('exception', messageOf(error)));
    return true;
  }

  async #removeSegments(): Promise<void> {
    const { truth } = this.storage;
    const stored = await readStoredJournal(truth, LAYOUT.journalDirectory);
    for (const name of await truth.list(LAYOUT.journalDirectory)) {
      if (parseSegmentName(name) !== null) await truth.unlink(join(LAYOUT.journalDirectory, name));
    }
    this.checks.onSegmentsRemoved(stored.checkpoint?.covers.sequence ?? 0, this.scheduler.nowMs);
  }

  #running(name: string): SimulatedNode | null {
    const node = this.#supervisor.node(name);
    return node.isAlive ? node : null;
  }

  #note(): void {
    this.checks.facts.anyFault = true;
  }

  #noteStorage(): void {
    this.checks.facts.anyFault = true;
    this.checks.facts.storageFault = true;
  }

  #faultNode({ name, host }: NodePlace): FaultNode {
    const roleOf = (): Role | null => this.#running(name)?.role ?? null;
    return {
      name,
      host,
      get role() {
        return roleOf();
      },
    };
  }

  #observer(injector: FaultInjector): NodeObserver {
    const { checks } = this;
    return {
      onStarted: (node) => {
        const faultNode = this.#faultNodes.find(({ name }) => name === node.name);
        if (faultNode !== undefined) this.#faultNodeOf.set(node.process, faultNode);
        checks.onStarted(node);
      },
      onEventPosted: (node, event) => {
        checks.onEventPosted(node, event);
        if (event.kind === 'role') injector.onRole(node.process, event.role);
      },
      onEventArrived: (node, event) => checks.onEventArrived(node, event),
      onCommandPosted: (node, command) => checks.onCommandPosted(node, command),
      onLog: () => undefined,
      onEnded: (node, end) => checks.onEnded(node, end),
    };
  }
}
