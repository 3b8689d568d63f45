/** Keeps this node's own status document, the only thing that a backup writes (P4). Storage thread. */

import type { Role } from '../ownership/role.js';
import { errnoOf, messageOf } from '../platform/errors.js';
import type { DocumentFile } from '../store/document-file.js';
import type { NodeDocument } from '../store/documents.js';
import { claimNodeFile } from '../store/known-documents.js';
import { SerialTask } from './serial-task.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';

export type NodeFacts = Pick<
  NodeDocument,
  'role' | 'addresses' | 'position' | 'lagBytes' | 'ready'
>;

/** They end when they lose anything. */
const OWNERS: readonly Role[] = ['live', 'handing-over'];

export class NodeStatus {
  readonly #world: StorageWorld;
  readonly #settings: StorageSettings;
  #file: DocumentFile<NodeDocument>;
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
    const document = this.#nextDocument();
    try {
      await this.#file.write(document);
    } catch (error) {
      if (OWNERS.includes(document.role) || errnoOf(error) === undefined) throw error;
      await this.#claimAgain(messageOf(error));
      await this.#file.write(document);
    }
  }

  #nextDocument(): NodeDocument {
    this.#beat += 1;
    return {
      name: this.#settings.name,
      ...this.#settings.identity,
      version: this.#settings.version,
      detail: this.#detail.slice(0, 500),
      sinceMs: this.#sinceMs,
      beat: this.#beat,
      updatedAtMs: Math.round(this.#world.clock.wallMs()),
      ...this.#facts(),
    };
  }

  /**
   * A server that gave this host up while it was cut off takes nothing more through the old descriptor.
   * @throws NAME_IN_USE when another node has taken the name meanwhile.
   */
  async #claimAgain(reason: string): Promise<void> {
    const { fileSystem, channel } = this.#world;
    channel.post({
      kind: 'log',
      level: 'warn',
      event: 'status-reclaimed',
      fields: { reason },
      sentence: `The status file of this node could not be written (${reason}): it is opened and locked anew`,
    });
    await this.#file.close().catch((error: unknown) => {
      // A descriptor whose writes fail may say so once more, and is closed all the same.
      if (errnoOf(error) === undefined) throw error;
    });
    this.#file = await claimNodeFile(fileSystem, this.#settings.layout, this.#settings.name);
  }
}
