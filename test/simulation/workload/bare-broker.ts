/**
 * A real broker and its sessions on one simulated host, with a journal that is a list in memory:
 * what the tests of the clients run against, and nothing that could go wrong by itself.
 */
import { inMemory } from '../../../src/broker/api.js';
import { Broker } from '../../../src/broker/broker.js';
import type { Batch, BlockPosition } from '../../../src/broker/host.js';
import { parseListenAddress } from '../../../src/config/address.js';
import { BLOCK_HEADER_BYTES } from '../../../src/journal/format.js';
import { clientProtocols } from '../../../src/node/client-protocols.js';
import { messageContents } from '../../../src/node/content-kinds.js';
import type { HostPort } from '../../../src/platform/ports.js';
import { type ClusterSettings, nodeConfig } from '../cluster/config.js';
import { SimulatedClock } from '../kernel/clock.js';
import { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { SimulatedNetwork } from '../network/simulated-network.js';

const USUAL_COMMIT_MS = 0.4;
const SWEEP_MS = 50;
const HOST = 'broker';

interface Block {
  readonly payload: Uint8Array;
  readonly recordCount: number;
  readonly position: BlockPosition;
}

export interface BareBrokerOptions {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly random: SeededRandom;
  readonly settings: ClusterSettings;
  readonly wallOffsetMs: number;
}

export class BareBroker {
  readonly address: HostPort = { host: HOST, port: 61_613 };
  /** The journal: what a block's place says is its index. */
  readonly blocks: Block[] = [];
  readonly #options: BareBrokerOptions;
  #process: SimulatedProcess | null = null;
  #broker: Broker | null = null;
  #runs = 0;
  #isCommitting = false;

  constructor(options: BareBrokerOptions) {
    this.#options = options;
  }

  /** What is in its queues, as it counts them. */
  get storedCount(): number {
    const queues = this.#broker?.statistics().queues ?? [];
    return queues.reduce((sum, { messages }) => sum + messages, 0);
  }

  /** Serves with what the blocks say, unless it does already. */
  start(): void {
    if (this.#process?.isAlive === true) return;
    const { scheduler, network, settings, wallOffsetMs } = this.#options;
    this.#runs += 1;
    const process = new SimulatedProcess(scheduler, `broker.${this.#runs}`, this.#runs);
    const clock = new SimulatedClock(process.main, { bootedAtMs: 0, wallOffsetMs });
    const place = { name: `node-${this.#runs}`, ...this.address };
    const config = nodeConfig(settings, place);
    const broker = this.#makeBroker(process, clock);
    this.#process = process;
    this.#broker = broker;
    this.#isCommitting = false;
    for (const block of this.blocks) {
      broker.apply(block.payload, block.recordCount, block.position);
    }
    broker.startServing();
    const port = network.portOf(process, HOST);
    const options = {
      config,
      version: '0',
      clock,
      random: this.#options.random,
      addressesOfOthers: () => [],
    };
    for (const { settings: its, serve } of clientProtocols(options)) {
      if (its.listen === undefined) continue;
      const address = parseListenAddress(its.listen, 'a protocol of this broker');
      void port.listen(address, (socket) => serve(broker, socket, () => undefined));
    }
    const sweep = (): void => {
      broker.sweep();
      process.main.run(SWEEP_MS, sweep);
    };
    sweep();
  }

  /** What was not committed is lost. */
  kill(): void {
    this.#process?.die();
  }

  pause(forMs: number): void {
    this.#process?.pause(forMs);
  }

  #makeBroker(process: SimulatedProcess, clock: SimulatedClock): Broker {
    const { settings } = this.#options;
    return new Broker({
      limits: settings.limits,
      maxBatchBytes: settings.journal.maxBatchBytes,
      bodies: {
        cached: (_segment, blockOffset) => this.blocks[blockOffset]?.payload,
        load: (_segment, _blockOffset, loaded) => process.main.run(1, loaded),
        hold: (_segment, _blockOffset, payload) => inMemory(payload),
      },
      usage: { retain: () => undefined, release: () => undefined },
      wallMs: () => clock.wallMs(),
      mayDeliver: () => true,
      onPending: () => this.#commitSoon(process),
      allocateSlab: (minimumBytes) => new Uint8Array(minimumBytes),
      contents: messageContents,
      later: (task) => process.main.run(0, task),
    });
  }

  #commitSoon(process: SimulatedProcess): void {
    if (this.#isCommitting) return;
    this.#isCommitting = true;
    process.main.run(0, () => this.#take(process));
  }

  #take(process: SimulatedProcess): void {
    const batch = this.#broker?.takeBatch() ?? null;
    if (batch === null) {
      this.#isCommitting = false;
      return;
    }
    process.main.run(this.#options.random.wait(USUAL_COMMIT_MS), () => {
      this.#broker?.committed(batch, this.#store(batch));
      this.#take(process);
    });
  }

  #store(batch: Batch): BlockPosition | null {
    if (batch.end === BLOCK_HEADER_BYTES) return null;
    const payload = batch.slab.slice(BLOCK_HEADER_BYTES, batch.end);
    const position = { segment: 1, blockOffset: this.blocks.length };
    this.blocks.push({ payload, recordCount: batch.recordCount, position });
    return position;
  }
}
