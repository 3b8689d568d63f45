/**
 * Who asks for a handover, and who could take it. Requests come through the store; a watcher wakes
 * the node, and what it then reads decides. Storage thread.
 */

import type { HandoverRequest, NodeDocument } from '../store/documents.js';
import {
  readHandoverRequest,
  readNodeDocuments,
  writeHandoverRequest,
} from '../store/known-documents.js';
import { SerialTask } from './serial-task.js';
import type { PeerFacts } from './storage-protocol.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';

/** A peer runs when its document has changed within this many status intervals. */
const BEATS_MISSED = 3;

interface Peer {
  readonly document: NodeDocument;
  /** Local monotonic time at which its beat was last seen to change; null before that. */
  readonly changedAtMs: number | null;
}

export class HandoverDesk {
  readonly #world: StorageWorld;
  readonly #settings: StorageSettings;
  readonly #watcher: { close(): Promise<void> };
  readonly #look = new SerialTask(() => this.#lookAtPeers());
  #peers = new Map<string, Peer>();
  /** From the second look on, a document that is new was written by a node that runs. */
  #hasLooked = false;
  #answered: string | null = null;

  constructor(world: StorageWorld, settings: StorageSettings, onRequest: () => void) {
    this.#world = world;
    this.#settings = settings;
    this.#watcher = world.watchDirectory(settings.layout.requestsDirectory, onRequest);
  }

  /** Looks at the other nodes' documents once more; called at every status interval. */
  watchPeers(): Promise<void> {
    return this.#look.run();
  }

  get peers(): readonly PeerFacts[] {
    return [...this.#peers.values()].map((peer) => ({
      document: peer.document,
      isRunning: this.#isRunning(peer),
    }));
  }

  async #lookAtPeers(): Promise<void> {
    const { fileSystem, clock } = this.#world;
    const documents = await readNodeDocuments(fileSystem, this.#settings.layout);
    const now = clock.monotonicMs();
    const peers = new Map<string, Peer>();
    for (const document of documents) {
      if (document.name === this.#settings.name) continue;
      const before = this.#peers.get(document.name);
      const hasBeaten =
        before === undefined
          ? this.#hasLooked
          : before.document.beat !== document.beat || before.document.pid !== document.pid;
      const changedAtMs = hasBeaten ? now : (before?.changedAtMs ?? null);
      peers.set(document.name, { document, changedAtMs });
    }
    this.#peers = peers;
    this.#hasLooked = true;
  }

  /** The name of a backup that could take over now: `wanted`, or the one with the smallest lag. */
  readyBackup(wanted: string | null): string | null {
    const ready = [...this.#peers.values()]
      .filter((peer) => peer.document.ready && this.#isRunning(peer))
      .map(({ document }) => document)
      .filter(({ name }) => wanted === null || name === wanted)
      .sort((a, b) => a.lagBytes - b.lagBytes);
    return ready[0]?.name ?? null;
  }

  /**
   * The successor that an unanswered request leads to, or null; the answer is written back. Null also when
   * nobody waits for it any more: another node may have the request then, or a newer one.
   */
  async takeRequest(isWanted: () => boolean): Promise<string | null> {
    const { fileSystem } = this.#world;
    const { layout, name } = this.#settings;
    const request = await readHandoverRequest(fileSystem, layout);
    if (request === null || request.outcome !== null) return null;
    if (request.requestId === this.#answered) return null;
    this.#answered = request.requestId;
    await this.watchPeers();
    const successor = request.to === name ? null : this.readyBackup(request.to);
    const outcome = { accepted: successor !== null, reason: this.#reason(request, successor) };
    if (!isWanted()) return null;
    await writeHandoverRequest(fileSystem, layout, { ...request, outcome });
    return successor;
  }

  async close(): Promise<void> {
    await this.#watcher.close();
  }

  #isRunning({ changedAtMs }: Peer): boolean {
    const since = this.#world.clock.monotonicMs() - BEATS_MISSED * this.#settings.statusIntervalMs;
    return (changedAtMs ?? Number.NEGATIVE_INFINITY) >= since;
  }

  #reason(request: HandoverRequest, successor: string | null): string {
    if (successor !== null) return `handing over to ${successor}`;
    if (request.to === this.#settings.name) return `${request.to} is live already`;
    if (request.to === null) {
      return 'no backup is ready to take over: start one, or wait until `holdfast status` shows it ready';
    }
    const known = this.#peers.get(request.to);
    if (known === undefined) return `there is no node named ${request.to} on this store`;
    return `${request.to} is not ready to take over (role ${known.document.role}, lag ${known.document.lagBytes} bytes)`;
  }
}
