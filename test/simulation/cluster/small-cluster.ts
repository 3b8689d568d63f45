/** Two nodes on one shared storage with nothing else around them, for the tests of this folder. */
import assert from 'node:assert/strict';
import { storeLayout } from '../../../src/store/layout.js';
import { SeededRandom } from '../kernel/random.js';
import { Scheduler } from '../kernel/scheduler.js';
import { Trace } from '../kernel/trace.js';
import { SimulatedNetwork } from '../network/simulated-network.js';
import type { CallInterceptor, StorageKind, StorageProfile } from '../storage/shared-storage.js';
import { SimulatedStorage } from '../storage/simulated-storage.js';
import { drawSettings, nodeConfig, STOMP_PORT, STORE } from './config.js';
import { handoverOutcome, requestHandover } from './handover-request.js';
import { SimulatedHost } from './host.js';
import type { NodeObserver } from './observer.js';
import type { SimulatedNode } from './simulated-node.js';
import { Supervisor } from './supervisor.js';

export const RESTART_AFTER_MS = 1_000;

const QUIET: NodeObserver = {
  onStarted: () => undefined,
  onEventPosted: () => undefined,
  onEventArrived: () => undefined,
  onCommandPosted: () => undefined,
  onLog: () => undefined,
  onEnded: () => undefined,
};

export function profileOf(kind: StorageKind): StorageProfile {
  return {
    kind,
    leaseMs: 10_000,
    graceMs: 10_000,
    endsGraceEarly: false,
    recallMs: 13_000,
    attributeCacheMs: 7_000,
    nameCacheMs: 14_000,
    negativeNameCacheMs: 28_000,
    capacityBytes: 64 * 1024 * 1024,
  };
}

export class SmallCluster {
  readonly scheduler = new Scheduler();
  readonly storage: SimulatedStorage;
  readonly network: SimulatedNetwork;
  readonly hosts = new Map<string, SimulatedHost>();
  readonly supervisor: Supervisor;
  readonly layout = storeLayout(STORE);
  /** What goes wrong with a call to the storage, if anything. */
  faultOf: CallInterceptor['before'] = () => null;

  private constructor(
    seed: number,
    kind: StorageKind,
    onTraceLine: ((line: string) => void) | null,
  ) {
    const { scheduler } = this;
    const trace = new Trace(scheduler, onTraceLine);
    this.storage = new SimulatedStorage({
      scheduler,
      random: new SeededRandom(seed, 'storage'),
      trace,
      profile: profileOf(kind),
      observer: { onChange: () => undefined },
      interceptor: { before: (call) => this.faultOf(call), after: () => undefined },
    });
    this.network = new SimulatedNetwork({
      scheduler,
      random: new SeededRandom(seed, 'network'),
      trace,
    });
    this.supervisor = new Supervisor({
      surroundings: {
        scheduler,
        seed,
        storage: this.storage,
        network: this.network,
        observer: QUIET,
        trace,
      },
      restartAfterMs: RESTART_AFTER_MS,
    });
  }

  /** An empty store, and no host yet. */
  static async make(
    seed: number,
    kind: StorageKind = 'nfs4',
    onTraceLine: ((line: string) => void) | null = null,
  ): Promise<SmallCluster> {
    const cluster = new SmallCluster(seed, kind, onTraceLine);
    await cluster.storage.truth.makeDirectory(STORE);
    return cluster;
  }

  /** Nodes `a` and `b`, just started: each on a host of its own, unless the storage is local. */
  static async start(
    seed: number,
    kind: StorageKind = 'nfs4',
    onTraceLine: ((line: string) => void) | null = null,
  ): Promise<SmallCluster> {
    const cluster = await SmallCluster.make(seed, kind, onTraceLine);
    const random = new SeededRandom(seed, 'settings');
    const settings = drawSettings(random, kind);
    for (const [index, name] of ['a', 'b'].entries()) {
      const hostName = kind === 'local' ? 'a' : name;
      const host = cluster.hosts.get(hostName) ?? cluster.addHost(hostName);
      host.jumpWallClock(random.between(-2_000, 2_000));
      const place = { name, host: host.name, port: STOMP_PORT + index };
      cluster.supervisor.add({ name, host, config: nodeConfig(settings, place) });
    }
    return cluster;
  }

  get live(): SimulatedNode | null {
    return this.supervisor.nodes.find((node) => node.isAlive && node.knownRole === 'live') ?? null;
  }

  get backups(): readonly SimulatedNode[] {
    return this.supervisor.nodes.filter((node) => node.isAlive && node.knownRole === 'backup');
  }

  addHost(name: string): SimulatedHost {
    const { scheduler, storage, network } = this;
    const witnesses = [storage, network];
    const host = new SimulatedHost({ scheduler, name, wallSkewMs: 0, witnesses });
    this.hosts.set(name, host);
    return host;
  }

  host(name: string): SimulatedHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host is called ${name}`);
    return host;
  }

  /** Runs until the promise of simulated code is settled. */
  async result<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.until('a call has an answer', () => isSettled, 60_000);
    return promise;
  }

  async runFor(forMs: number): Promise<void> {
    let isOver = false;
    this.scheduler.schedule(forMs, () => {
      isOver = true;
    });
    await this.scheduler.run(() => isOver, Number.POSITIVE_INFINITY);
  }

  /** Fails when it takes longer than `limitMs` of virtual time. */
  async until(what: string, isSo: () => boolean, limitMs: number): Promise<void> {
    await this.scheduler.run(isSo, this.scheduler.nowMs + limitMs);
    const roles = this.supervisor.nodes.map(({ name, run, role }) => `${name}.${run} ${role}`);
    assert.ok(isSo(), `within ${limitMs} ms ${what}; now: ${roles.join(', ')}`);
  }

  /** One live node and the other following it. */
  async untilPair(limitMs = 5_000): Promise<{ live: SimulatedNode; backup: SimulatedNode }> {
    const isPair = (): boolean => this.live !== null && this.backups.length === 1;
    await this.until('one node is live and the other a backup', isPair, limitMs);
    return { live: this.live as SimulatedNode, backup: this.backups[0] as SimulatedNode };
  }

  async requestHandover(requestId: string, to: string | null): Promise<void> {
    await requestHandover(this.storage.truth, this.layout, { requestId, to, wallMs: 0 });
  }

  handoverOutcome(requestId: string): ReturnType<typeof handoverOutcome> {
    return handoverOutcome(this.storage.truth, this.layout, requestId);
  }
}
