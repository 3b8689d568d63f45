/**
 * Queues and topics that a client makes for itself, mostly for replies. They are in memory only, only
 * their client consumes from them, and they are gone with it; whatever comes for one that is gone is refused.
 */
import { HoldfastError } from '../platform/errors.js';
import { type Destination, TEMPORARY_PREFIX } from './api.js';
import type { Client } from './client.js';
import type { Queue } from './queue.js';
import type { QueueRegistry } from './queue-registry.js';

interface Temporary {
  readonly owner: Client;
  /** Null for a topic. */
  readonly queue: Queue | null;
}

export class TemporaryDestinations {
  private readonly queues: QueueRegistry;
  private readonly byName = new Map<string, Temporary>();

  constructor(queues: QueueRegistry) {
    this.queues = queues;
  }

  create(owner: Client, destination: Destination): void {
    const queue = destination.kind === 'queue' ? this.queues.addTemporary(destination) : null;
    this.byName.set(destination.name, { owner, queue });
  }

  /** Who may consume from it; null when it is not temporary. Throws when it is gone. */
  ownerOf(destination: Destination): Client | null {
    if (!destination.name.startsWith(TEMPORARY_PREFIX)) return null;
    return this.existing(destination).owner;
  }

  isGone({ name }: Destination): boolean {
    return name.startsWith(TEMPORARY_PREFIX) && !this.byName.has(name);
  }

  /** Throws when it is a temporary destination that is gone. */
  requireExisting(destination: Destination): void {
    if (destination.name.startsWith(TEMPORARY_PREFIX)) this.existing(destination);
  }

  /** Takes it away, and returns its queue, which the caller frees. */
  remove(owner: Client, name: string): Queue | null {
    const temporary = this.byName.get(name);
    if (temporary?.owner !== owner) return null;
    this.byName.delete(name);
    return temporary.queue;
  }

  /** Those of a client that is gone. */
  namesOf(owner: Client): string[] {
    return [...this.byName].filter(([, each]) => each.owner === owner).map(([name]) => name);
  }

  reset(): void {
    this.byName.clear();
  }

  private existing({ kind, name }: Destination): Temporary {
    const temporary = this.byName.get(name);
    const isTopic = temporary?.queue === null;
    if (temporary !== undefined && isTopic === (kind === 'topic')) return temporary;
    throw new HoldfastError(
      'DESTINATION_GONE',
      `The temporary ${kind} "${name}" does not exist, or no more: it went with the connection ` +
        'that made it; ask that client for a new one.',
    );
  }
}
