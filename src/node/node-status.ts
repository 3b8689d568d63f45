/** Keeps this node's own status document, the only thing that a backup writes (P4). Storage thread. */

import type { DocumentFile } from '../store/document-file.js';
import type { NodeDocument } from '../store/documents.js';
import { claimNodeFile } from '../store/known-documents.js';
import { SerialTask } from './serial-task.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';

export type NodeFacts = Pick<
  NodeDocument,
  'role' | 'addresses' | 'position' | 'lagBytes' | 'ready'
>;

export class NodeStatus {
  readonly #world: StorageWorld;
  readonly #settings: StorageSettings;
  readonly #file: DocumentFile<NodeDocument>;
  readonly #facts: () => NodeFacts;
  readonly #task = new SerialTask(() => this.#writeNow());
  #detail = '';
  #sinceMs: number;
  #beat = 0;
  #isClosed = false;

  private constructor(
    world: StorageWorld,
    settings: StorageSettings,
    file: DocumentFile<NodeDocument>,
    facts: () => NodeFacts,
  ) {
    this.#world = world;
    this.#settings = settings;
    this.#file = file;
    this.#facts = facts;
    this.#sinceMs = Math.round(world.clock.wallMs());
  }

  /** @throws NAME_IN_USE when another running node has this name. */
  static async claim(
    world: StorageWorld,
    settings: StorageSettings,
    facts: () => NodeFacts,
  ): Promise<NodeStatus> {
    const file = await claimNodeFile(world.fileSystem, settings.layout, settings.name);
    return new NodeStatus(world, settings, file, facts);
  }

  /** The role has changed; `detail` says why. */
  async change(detail: string): Promise<void> {
    this.#detail = detail;
    this.#sinceMs = Math.round(this.#world.clock.wallMs());
    await this.write();
  }

  async write(): Promise<void> {
    if (!this.#isClosed) await this.#task.run();
  }

  async close(): Promise<void> {
    await this.write();
    this.#isClosed = true;
    await this.#file.close();
  }

  async #writeNow(): Promise<void> {
    if (this.#isClosed) return;
    this.#beat += 1;
    await this.#file.write({
      name: this.#settings.name,
      ...this.#settings.identity,
      version: this.#settings.version,
      detail: this.#detail.slice(0, 500),
      sinceMs: this.#sinceMs,
      beat: this.#beat,
      updatedAtMs: Math.round(this.#world.clock.wallMs()),
      ...this.#facts(),
    });
  }
}
