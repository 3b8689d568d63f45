/** A store of one test with the node processes on it; all of it is gone when the test ends. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseTargetAddress } from '../../src/config/address.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import type { HostPort } from '../../src/platform/ports.js';
import type { HandoverRequest, LiveDocument, NodeDocument } from '../../src/store/documents.js';
import {
  readHandoverRequest,
  readLiveDocument,
  readNodeDocuments,
  writeHandoverRequest,
} from '../../src/store/known-documents.js';
import { type StoreLayout, storeLayout } from '../../src/store/layout.js';
import { atEnd } from './at-end.js';
import { eventually } from './eventually.js';
import type { Fault } from './fault-injection/fault.js';
import { NodeProcess, type NodeProcessOptions, type Settings } from './node-process.js';
import { temporaryDirectoryOf } from './temporary-directory.js';

type HandoverOutcome = NonNullable<HandoverRequest['outcome']>;

export interface Pair {
  readonly live: NodeProcess;
  readonly backup: NodeProcess;
}

export class TestStore {
  readonly layout: StoreLayout;
  readonly #settings: Settings;
  readonly #processes: NodeProcess[] = [];

  private constructor(root: string, settings: Settings) {
    this.layout = storeLayout(root);
    this.#settings = settings;
  }

  /** An empty directory; `settings` go to every node that is started on it. */
  static async make(test: TestContext, settings: Settings = {}): Promise<TestStore> {
    const root = join(await temporaryDirectoryOf(test), 'store');
    await mkdir(root);
    const store = new TestStore(root, settings);
    atEnd(test, () => store.#end(test));
    return store;
  }

  start(name: string, settings: Settings = {}): NodeProcess {
    return this.#start({ name, settings });
  }

  /** A node whose storage thread fails as told. */
  startFaulty(name: string, faults: readonly Fault[], settings: Settings = {}): NodeProcess {
    return this.#start({ name, settings, faults });
  }

  startLive(name: string, settings: Settings = {}): Promise<NodeProcess> {
    return this.start(name, settings).untilRole('live');
  }

  /** Resolves when its status says that it could take over. */
  async startBackup(name: string, settings: Settings = {}): Promise<NodeProcess> {
    const node = await this.start(name, settings).untilRole('backup');
    await this.untilReady(node);
    return node;
  }

  /** Node `a` live and node `b` ready. */
  async startPair(settings: Settings = {}): Promise<Pair> {
    const live = await this.startLive('a', settings);
    return { live, backup: await this.startBackup('b', settings) };
  }

  async untilReady(node: NodeProcess): Promise<void> {
    await eventually(`the status says that ${node.name} is ready`, async () => {
      const document = await this.node(node.name);
      return document?.pid === node.pid && document.ready;
    });
  }

  async live(): Promise<LiveDocument | null> {
    const read = await readLiveDocument(nodeFileSystem, this.layout);
    return read.kind === 'valid' ? read.document : null;
  }

  nodes(): Promise<NodeDocument[]> {
    return readNodeDocuments(nodeFileSystem, this.layout);
  }

  async node(name: string): Promise<NodeDocument | undefined> {
    return (await this.nodes()).find((document) => document.name === name);
  }

  /** For a load: the live node, dialled directly. */
  readonly findServer = async (): Promise<{ address: HostPort; node: string } | null> => {
    const document = await this.live();
    const stomp = document?.addresses.stomp;
    if (document?.state !== 'live' || stomp === undefined) return null;
    return { address: parseTargetAddress(stomp, 'the `live` file'), node: document.node };
  };

  /** Asks for a handover as any program can; resolves with the number of the request. */
  async askForHandover(to: string | null): Promise<string> {
    const requestId = randomUUID();
    await writeHandoverRequest(nodeFileSystem, this.layout, {
      requestId,
      to,
      requestedAtMs: Date.now(),
      requestedBy: 'a test',
      outcome: null,
    });
    return requestId;
  }

  /** The same, and resolves with the live node's answer. */
  async requestHandover(to: string | null): Promise<HandoverOutcome> {
    const requestId = await this.askForHandover(to);
    return eventually('the live node answers the request', async () => {
      const request = await readHandoverRequest(nodeFileSystem, this.layout);
      return request?.requestId === requestId ? request.outcome : null;
    });
  }

  /** kill -9 of whichever node begins to take over, and has time for it; resolves with its name. */
  async killWhileTakingOver(): Promise<string> {
    const taker = await eventually('a node takes over', () =>
      this.#processes.find(({ isRunning, role }) => isRunning && role === 'taking-over'),
    );
    await taker.kill();
    // All that it logged has been read by now.
    assert.equal(taker.role, 'taking-over');
    return taker.name;
  }

  /** The node that is live, by its own log. */
  liveProcess(): NodeProcess {
    const live = this.#processes.filter((node) => node.isRunning && node.role === 'live');
    assert.equal(live.length, 1, `live: ${live.map(({ name }) => name)}`);
    return live[0] as NodeProcess;
  }

  #start(options: Omit<NodeProcessOptions, 'store'>): NodeProcess {
    const settings = { ...this.#settings, ...options.settings };
    const node = new NodeProcess({ ...options, settings, store: this.layout.root });
    this.#processes.push(node);
    return node;
  }

  async #end(test: TestContext): Promise<void> {
    await Promise.all(this.#processes.filter((node) => node.isRunning).map((node) => node.kill()));
    for (const node of this.#processes) {
      if (node.otherOutput.length === 0) continue;
      test.diagnostic(`${node.name} wrote: ${node.otherOutput.join('\n')}`);
    }
  }
}
