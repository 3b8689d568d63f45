/**
 * One seed from beginning to end: a world is drawn and runs with its faults until those are over; then
 * somebody must be live, the queues must drain, and what nodes hold must be what a replay gives.
 */

import { mustBeLiveWithinMs, usualTakeoverMs } from './checks/liveness.js';
import { type ClusterSettings, drawAmqp, drawSettings, STORE } from './cluster/config.js';
import type { SimulatedNode } from './cluster/simulated-node.js';
import { drawFaults } from './faults/draw-faults.js';
import { FaultInjector } from './faults/fault-injector.js';
import type { Fault } from './faults/fault-plan.js';
import { SeededRandom } from './kernel/random.js';
import { drawScenario, type Scenario } from './scenario.js';
import type { SeedOptions, SeedOverrides, SeedResult } from './seed-result.js';
import type { StorageKind, StorageProfile } from './storage/shared-storage.js';
import { drawProtocols, hasAmqp } from './workload/protocols.js';
import { Workload } from './workload/workload.js';
import { CLIENT_HOSTS, drawWorkloadPlan, reducePlan } from './workload/workload-plan.js';
import { type NodePlace, placeNodes, World } from './world.js';

const MEBIBYTE = 1024 * 1024;
/** Nodes are up and clients connected some time after the beginning; faults may come before. */
const FAULTS_FROM_MS = 150;
/** After a takeover every client must have found the live node, and all that waits must have been consumed. */
const DRAIN_LIMIT_MS = 60_000;
/** For backups to read what was written last, and for the keeper of the space to do its last steps. */
const SETTLE_MS = 1_200;
const ANSWER_LIMIT_MS = 10_000;
/** Where nothing fences, or locks are not shared, a takeover waits; faults that belong together must have the time for it. */
const SLOW_TAKEOVER_MS: { readonly [kind in StorageKind]?: number } = {
  cluster: 3_000,
  'nfs4-local-locks': 4_000,
};

interface Draw {
  readonly scenario: Scenario;
  readonly profile: StorageProfile;
  readonly settings: ClusterSettings;
  readonly places: readonly NodePlace[];
  readonly calmAtMs: number;
  readonly restartAfterMs: number;
}

export async function runSeed(seed: number, options: SeedOptions): Promise<SeedResult> {
  return new SeedRun(seed, options).run();
}

class SeedRun {
  readonly #seed: number;
  readonly #draw: Draw;
  readonly #faults: readonly Fault[];
  readonly #injector: FaultInjector;
  readonly #world: World;
  readonly #workload: Workload;

  constructor(seed: number, { overrides = {}, onTraceLine }: SeedOptions) {
    this.#seed = seed;
    this.#draw = drawWorld(seed, overrides.nodeCount);
    const { profile, settings, places, restartAfterMs, calmAtMs } = this.#draw;
    this.#faults = overrides.faults ?? this.#drawFaults();
    this.#injector = new FaultInjector({ faults: this.#faults, calmAtMs });
    this.#world = new World({
      seed,
      profile,
      settings,
      nodes: places,
      restartAfterMs,
      injector: this.#injector,
      onTraceLine: onTraceLine ?? null,
    });
    this.#workload = this.#makeWorkload(overrides);
  }

  async run(): Promise<SeedResult> {
    await this.#world.storage.truth.makeDirectory(STORE);
    this.#injector.start(this.#world);
    this.#workload.start();
    await this.#runUntil(() => false, this.#draw.calmAtMs);
    const withinMs = this.#liveWithinMs();
    if (withinMs !== null) {
      await this.#requireLive(withinMs);
      await this.#requireDrained();
    }
    await this.#settle();
    if (this.#world.breach === null) await this.#world.checks.finish(this.#world.runs);
    return this.#result();
  }

  #drawFaults(): readonly Fault[] {
    const { scenario, profile, settings, places, restartAfterMs, calmAtMs } = this.#draw;
    return drawFaults(new SeededRandom(this.#seed, 'faults'), {
      storage: scenario.storage,
      nodes: places,
      clientHosts: CLIENT_HOSTS,
      fromMs: FAULTS_FROM_MS,
      calmAtMs,
      takeoverMs: usualTakeoverMs({ profile, ...settings.ownership, restartAfterMs }),
      hasDamage: scenario.hasDamage,
    });
  }

  /** P5: once the faults are over, somebody is live within a bounded time. */
  async #requireLive(withinMs: number): Promise<void> {
    const world = this.#world;
    const isSomebodyLive = (): boolean => world.runs.some(isServing);
    await this.#runUntil(isSomebodyLive, world.scheduler.nowMs + withinMs);
    if (world.breach !== null || isSomebodyLive()) return;
    const roles = world.runs.map((node) => `${node.name} is ${node.isAlive ? node.role : 'down'}`);
    const sentence = `nobody is live ${Math.round(withinMs)} ms after the last fault: ${roles.join(', ')}`;
    world.break('P5', sentence);
  }

  /** With a file server that answers: after a restart it may keep everybody waiting for a while. */
  async #settle(): Promise<void> {
    const { scheduler, checks } = this.#world;
    const sinceMs = scheduler.nowMs;
    const isAnswered = (): boolean => checks.lastVerifiedAtMs > sinceMs;
    await this.#runUntil(isAnswered, sinceMs + ANSWER_LIMIT_MS);
    await this.#runUntil(() => false, scheduler.nowMs + SETTLE_MS);
  }

  /** Every confirmed message comes to somebody, and every queue is empty in the end. */
  async #requireDrained(): Promise<void> {
    const world = this.#world;
    const workload = this.#workload;
    workload.drain();
    await this.#runUntil(() => workload.isDrained, world.scheduler.nowMs + DRAIN_LIMIT_MS);
    workload.judge();
    if (workload.isDrained) return;
    world.break('P5', `the queues are not empty ${DRAIN_LIMIT_MS} ms after a node was live`);
  }

  #makeWorkload({ clients, maxMessagesPerClient }: SeedOverrides): Workload {
    const { settings, places, calmAtMs } = this.#draw;
    const { scheduler, trace, network, wallOffsets, checks } = this.#world;
    const seed = this.#seed;
    const stomp = drawWorkloadPlan(seed, calmAtMs);
    const whole =
      settings.amqp === null ? stomp : drawProtocols(stomp, new SeededRandom(seed, 'protocols'));
    return new Workload({
      seed,
      plan: reducePlan(whole, clients, maxMessagesPerClient),
      scheduler,
      trace,
      network,
      servers: places,
      hostOf: (name) => this.#world.host(name, 0),
      ledger: {
        onBreach: (invariant, sentence) => {
          if (!checks.facts.segmentsRemoved) this.#world.break(invariant, sentence);
        },
        wallOffsets,
        maxDeliveries: settings.limits.maxDeliveries,
      },
    });
  }

  /** Null when nobody need be live. */
  #liveWithinMs(): number | null {
    const { profile, settings, places, restartAfterMs } = this.#draw;
    return mustBeLiveWithinMs({
      profile,
      isFencedByServer: this.#world.isFencedByServer,
      ...settings.ownership,
      restartAfterMs,
      nodesUp: places.length,
      deadHostMayHoldLock: false,
      isDamaged: this.#world.checks.facts.damage,
    });
  }

  #result(): SeedResult {
    const { scheduler, breach } = this.#world;
    const { scenario, places } = this.#draw;
    return {
      seed: this.#seed,
      scenario: scenario.name,
      virtualMs: scheduler.nowMs,
      events: scheduler.eventCount,
      messages: this.#workload.sentCount,
      faults: this.#injector.counts,
      plan: { faults: this.#faults, nodeCount: places.length, clients: this.#workload.clientNames },
      breach,
    };
  }

  /** Runs on until `isDone`, or a promise breaks, or the time has come. */
  async #runUntil(isDone: () => boolean, untilMs: number): Promise<void> {
    const world = this.#world;
    await world.scheduler.run(() => world.breach !== null || isDone(), untilMs);
  }
}

function isServing(node: SimulatedNode): boolean {
  return node.isAlive && node.knownRole === 'live';
}

function drawWorld(seed: number, nodeCount: number | undefined): Draw {
  const scenario = drawScenario(seed);
  const random = new SeededRandom(seed, 'world');
  const places = placeNodes(nodeCount ?? scenario.nodeCount, scenario.storage === 'local');
  const drawn = drawSettings(new SeededRandom(seed, 'settings'), scenario.storage);
  const amqp = hasAmqp(seed) ? drawAmqp(new SeededRandom(seed, 'AMQP settings')) : null;
  const settings = { ...drawn, amqp };
  return {
    scenario,
    profile: drawProfile(random, scenario, settings),
    settings,
    places,
    calmAtMs: drawCalm(random) + (SLOW_TAKEOVER_MS[scenario.storage] ?? 0),
    restartAfterMs: random.between(200, 1_500),
  };
}

/** Most seeds are short, for there is much to try; some leave time for long faults. */
function drawCalm(random: SeededRandom): number {
  const draw = random.fraction();
  if (draw < 0.72) return random.between(2_000, 4_500);
  return draw < 0.95 ? random.between(4_500, 10_000) : random.between(10_000, 50_000);
}

/** Shorter than what was measured where only the proportion matters: a virtual second costs real time. */
function drawProfile(
  random: SeededRandom,
  { storage }: Scenario,
  { ownership }: ClusterSettings,
): StorageProfile {
  // A server that fences must not give the lock away before the freshness of its holder is over, after a
  // restart neither: Linux wants a grace time that is never below the lease.
  // Where nothing fences, the worst is a successor that comes while the old node still feels sure.
  const [shortestLease, longestLease] = storage === 'cluster' ? [100, 1_500] : [600, 3_000];
  const leastLeaseMs = storage === 'nfs4' ? ownership.freshMs : 0;
  return {
    kind: storage,
    leaseMs: leastLeaseMs + random.between(shortestLease, longestLease),
    graceMs: Math.max(leastLeaseMs, random.between(600, 3_000)),
    endsGraceEarly: random.chance(0.5) && storage !== 'nfs3',
    recallMs: random.between(200, 4_000),
    attributeCacheMs: random.between(1_000, 8_000),
    nameCacheMs: random.between(8_000, 15_000),
    negativeNameCacheMs: random.between(15_000, 29_000),
    capacityBytes: 64 * MEBIBYTE,
  };
}
