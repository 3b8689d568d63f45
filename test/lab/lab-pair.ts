/** A lab with Holdfast nodes and clients for one scenario; all of it is checked and gone when the scenario ends. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Broker } from '../../scripts/lab/hosts.js';
import type { Lab } from '../../scripts/lab/lab.js';
import { STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { Fault } from '../support/fault-injection/fault.js';
import { LabLoad, type LoadProgramOptions } from './lab-load.js';
import { SupervisedNode } from './supervised-node.js';

const HEARTBEAT_MS = 1_000;
const READY_LIMIT_MS = 60_000;
/** Of each node and each kernel, when a scenario failed. */
const LAST_LINES = 30;
const KERNEL_LIMIT_MS = 10_000;

export interface LabPairOptions {
  /** The first of them goes live. */
  readonly brokers?: readonly Broker[];
  /** What goes wrong in the storage thread of a node's first run. */
  readonly faults?: { readonly [broker in Broker]?: readonly Fault[] };
  readonly settings?: Readonly<Record<string, string>>;
  readonly load?: LoadProgramOptions['load'];
}

export class LabPair {
  readonly lab: Lab;
  readonly nodes: readonly SupervisedNode[];
  readonly load: LabLoad;
  readonly #test: TestContext;
  #hasFinished = false;

  private constructor(
    test: TestContext,
    lab: Lab,
    nodes: readonly SupervisedNode[],
    load: LabLoad,
  ) {
    this.#test = test;
    this.lab = lab;
    this.nodes = nodes;
    this.load = load;
  }

  /** The first broker is live, the others are ready, and clients are served. The store is a new one. */
  static async start(test: TestContext, lab: Lab, options: LabPairOptions = {}): Promise<LabPair> {
    const { brokers = ['a', 'b'], settings = {}, faults = {} } = options;
    await lab.run('s', `find ${STORE_IN_GUESTS} -mindepth 1 -delete`);
    const nodes = brokers.map((broker) => new SupervisedNode(lab, broker));
    let load: LabLoad | null = null;
    let pair: LabPair | null = null;
    atEnd(test, async () => {
      load?.stop();
      if (!pair?.hasFinished) await tellWhatHappened(lab, nodes);
      await Promise.all(nodes.map((node) => node.stop()));
    });
    const [first, ...others] = nodes;
    assert.ok(first);
    const start = (node: SupervisedNode): SupervisedNode =>
      node.start({ settings, faults: faults[node.broker] });
    await start(first).untilRole('live');
    for (const node of others) await start(node).untilRole('backup');
    load = await LabLoad.start(lab, {
      addresses: nodes.map(({ stompAddress }) => stompAddress),
      heartbeatMs: HEARTBEAT_MS,
      load: options.load ?? {},
    });
    pair = new LabPair(test, lab, nodes, load);
    for (const node of others) await pair.untilReady(node);
    return pair;
  }

  /** Everything was as it has to be. */
  get hasFinished(): boolean {
    return this.#hasFinished;
  }

  get live(): SupervisedNode {
    return this.#node(0);
  }

  get backup(): SupervisedNode {
    return this.#node(1);
  }

  /** A command of the program on that host. */
  holdfast(broker: Broker, command: string): Promise<string> {
    const given = `holdfast ${command} --store ${STORE_IN_GUESTS}`;
    return this.lab.run(broker, given, { user: 'holdfast' });
  }

  /** The node could take over now, as the live one says. */
  async untilReady(node: SupervisedNode): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const live = this.nodes.find((other) => other !== node && other.role === 'live');
      const { peers } = (await live?.report()) ?? { peers: [] };
      return peers.some(({ name, ready, running }) => name === node.broker && ready && running);
    };
    // The live node may be on its way down, or not have opened its port yet.
    let trouble: unknown;
    const look = (): Promise<boolean> =>
      isReady().catch((error: unknown) => {
        trouble = error;
        return false;
      });
    try {
      await eventually(`${node.broker} is ready`, look, READY_LIMIT_MS);
    } catch (error) {
      if (trouble === undefined) throw error;
      throw new Error(`${String(error)}: ${String(trouble)}`, { cause: error });
    }
  }

  /** Every message that was confirmed has come, and no promise was broken. Prints the figures. */
  async finish(figures: Readonly<Record<string, number | string>>): Promise<void> {
    const { confirmed, duplicates, sessions, longestGap } = await this.load.finish();
    const all = {
      ...figures,
      LOST: 0,
      confirmed,
      duplicates,
      sessions,
      longestGapMs: longestGap.gapMs,
    };
    const text = Object.entries(all).map(([name, value]) => `${name} ${value}`);
    this.#test.diagnostic(text.join(', '));
    this.#hasFinished = true;
  }

  #node(index: number): SupervisedNode {
    const node = this.nodes[index];
    assert.ok(node);
    return node;
  }
}

/** For whoever reads that a scenario failed: what the nodes logged last, where their threads are, and what the kernels said. */
async function tellWhatHappened(lab: Lab, nodes: readonly SupervisedNode[]): Promise<void> {
  for (const { broker, log, otherOutput } of nodes) {
    for (const { time, run, message } of log.slice(-LAST_LINES)) {
      console.log(`${broker}.${run} ${time} ${message}`);
    }
    for (const line of otherOutput.slice(-LAST_LINES)) console.log(`${broker}: ${line}`);
  }
  const commands = `
    for pid in $(pgrep -x node); do
      for thread in /proc/$pid/task/*; do cat $thread/comm $thread/stack; done
    done
    date +%T.%N
    dmesg | tail -n ${LAST_LINES}`;
  for (const host of ['s', ...nodes.map(({ broker }) => broker)] as const) {
    const said = await lab.run(host, commands, { timeoutMs: KERNEL_LIMIT_MS }).catch(String);
    console.log(`${host}: ${said}`);
  }
}
