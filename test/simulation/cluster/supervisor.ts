/** What systemd is to real nodes: starts each at boot, and again some time after it has ended. */
import { EXIT, EXIT_CODE_OF_ERROR } from '../../../src/cli/exit-codes.js';
import type { SimulatedHost } from './host.js';
import { type NodePlan, type NodeSurroundings, SimulatedNode } from './simulated-node.js';

/** RestartPreventExitStatus of the systemd unit: these need a person. */
const NEEDS_A_PERSON: readonly number[] = [EXIT.usage, EXIT.damaged];

interface Unit {
  readonly plan: NodePlan;
  current: SimulatedNode;
  runs: number;
  isHeldDown: boolean;
}

export interface SupervisorOptions {
  readonly surroundings: NodeSurroundings;
  /** RestartSec. */
  readonly restartAfterMs: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #units = new Map<string, Unit>();
  #restarts = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts beyond the first of each node. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The latest run of every node, in the order in which they were added. */
  get nodes(): readonly SimulatedNode[] {
    return [...this.#units.values()].map(({ current }) => current);
  }

  /** The latest run of a node. */
  node(name: string): SimulatedNode {
    return this.#unit(name).current;
  }

  /** Installs a node on a host that has power, and starts it. */
  add(plan: NodePlan): SimulatedNode {
    const unit: Unit = { plan, current: this.#run(plan, 1), runs: 1, isHeldDown: false };
    this.#units.set(plan.name, unit);
    this.#watch(unit);
    plan.host.onBoot(() => this.#start(unit));
    return unit.current;
  }

  /** Does not start it any more, until `letUp`. What runs goes on. */
  holdDown(name: string): void {
    this.#unit(name).isHeldDown = true;
  }

  /** Starts it now when it does not run and its host has power. */
  letUp(name: string): void {
    const unit = this.#unit(name);
    unit.isHeldDown = false;
    this.#start(unit);
  }

  #start(unit: Unit): void {
    if (unit.isHeldDown || unit.current.isAlive || !unit.plan.host.hasPower) return;
    unit.runs += 1;
    this.#restarts += 1;
    unit.current = this.#run(unit.plan, unit.runs);
    this.#watch(unit);
  }

  #run(plan: NodePlan, run: number): SimulatedNode {
    return new SimulatedNode(plan, run, this.#options.surroundings);
  }

  #watch(unit: Unit): void {
    const { surroundings, restartAfterMs } = this.#options;
    const { current } = unit;
    const { host } = unit.plan;
    const { boots } = host;
    current.process.onDeath(() => {
      if (!host.hasPower || needsAPerson(current)) return;
      surroundings.scheduler.schedule(restartAfterMs, () => {
        if (isSameBoot(host, boots)) this.#start(unit);
      });
    });
  }

  #unit(name: string): Unit {
    const unit = this.#units.get(name);
    if (unit === undefined) throw new Error(`no node is called ${name}`);
    return unit;
  }
}

function needsAPerson({ end }: SimulatedNode): boolean {
  const reason = end?.exitCodeReason ?? null;
  return reason !== null && NEEDS_A_PERSON.includes(EXIT_CODE_OF_ERROR[reason]);
}

/** A restart that was due when the power went is forgotten: the boot starts the node. */
function isSameBoot(host: SimulatedHost, boots: number): boolean {
  return host.hasPower && host.boots === boots;
}
