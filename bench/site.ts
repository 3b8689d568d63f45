/** A store in a temporary folder, the nodes on it, and what the store says of them. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { servingLive } from '../src/cli/status/status-rules.js';
import { openStoreReader, type StoreReader } from '../src/cli/status/store-reader.js';
import { nodeFileSystem } from '../src/platform/node/file-system.js';
import type { HostPort } from '../src/platform/ports.js';
import { writeHandoverRequest } from '../src/store/known-documents.js';
import { storeLayout } from '../src/store/layout.js';
import type { StoreStatus } from '../src/store/store-status.js';
import { BrokerProcess } from './broker-process.js';
import type { Protocol } from './client.js';

const POLL_MS = 20;
/** A backup that has not caught up by then never will. */
const PATIENCE_MS = 120_000;

export interface SiteOptions {
  /** Where the temporary folder goes. */
  readonly directory: string;
  readonly nodeNames: readonly string[];
  readonly protocol: Protocol;
  readonly nodeOptions: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly onUnexpectedEnd: (error: Error) => void;
}

export class Site {
  readonly store: string;
  readonly nodes: readonly BrokerProcess[];
  readonly #reader: StoreReader;

  private constructor(store: string, nodes: readonly BrokerProcess[]) {
    this.store = store;
    this.nodes = nodes;
    this.#reader = openStoreReader(store);
  }

  /** Makes a new store and starts its nodes; the first one is live. Call `remove` also when it fails. */
  static async create(options: SiteOptions, remember: (site: Site) => void): Promise<Site> {
    const { directory, nodeNames, ...node } = options;
    const store = await mkdtemp(join(directory, 'holdfast-bench-'));
    const nodes = nodeNames.map((name) => new BrokerProcess({ name, store, ...node }));
    const site = new Site(store, nodes);
    remember(site);
    for (const node of nodes) {
      await node.start();
      if (node === nodes[0]) await site.untilLive();
      else await site.untilReady(node);
    }
    return site;
  }

  get addresses(): readonly HostPort[] {
    return this.nodes.map(({ address }) => address);
  }

  /** The node that serves clients now, and the other one. */
  async roles(): Promise<{ readonly live: BrokerProcess; readonly backup: BrokerProcess | null }> {
    const document = servingLive(await this.#read());
    const live = this.nodes.find(({ name }) => name === document?.node);
    if (live === undefined) throw new Error('No node is live.');
    return { live, backup: this.nodes.find((node) => node !== live) ?? null };
  }

  async untilLive(): Promise<void> {
    await this.#until('a node is live', (status) => servingLive(status) !== null);
  }

  /** Until `backup` follows the journal and says that it could take over. */
  async untilReady(backup: BrokerProcess): Promise<void> {
    await this.#until(`${backup.name} is a ready backup`, ({ nodes }) =>
      nodes.some(({ name, pid, ready }) => name === backup.name && pid === backup.pid && ready),
    );
  }

  /** The same request as `holdfast handover` writes. */
  async requestHandover(to: string): Promise<void> {
    await writeHandoverRequest(nodeFileSystem, storeLayout(this.store), {
      requestId: randomUUID(),
      to,
      requestedAtMs: Date.now(),
      requestedBy: `the benchmark, pid ${process.pid}`,
      outcome: null,
    });
  }

  /** As `du` counts: what the files occupy. */
  async occupiedBytes(): Promise<number> {
    const entries = await readdir(this.store, { recursive: true, withFileTypes: true });
    let bytes = 0;
    for (const entry of entries) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).blocks * 512;
    }
    return bytes;
  }

  /** Ends the nodes: the backup first, so that nothing is handed over. */
  async stop(): Promise<void> {
    for (const node of [...this.nodes].reverse()) {
      node.terminate();
      await node.untilGone();
    }
  }

  async remove(): Promise<void> {
    for (const node of this.nodes) node.kill();
    for (const node of this.nodes) await node.untilGone();
    await rm(this.store, { recursive: true, force: true });
  }

  async #until(what: string, isSo: (status: StoreStatus) => boolean): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!isSo(await this.#read())) {
      if (performance.now() > deadlineMs) throw new Error(`Waited too long until ${what}.`);
      await sleep(POLL_MS);
    }
  }

  #read(): Promise<StoreStatus> {
    return this.#reader.read(0);
  }
}
