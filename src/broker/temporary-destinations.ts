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
  private readonly namesByOwner = new Map<Client, Set<string>>();
  private topics = 0;

  constructor(queues: QueueRegistry) {
    this.queues = queues;
  }

  create(owner: Client, destination: Destination): void {
    const queue = destination.kind === 'queue' ? this.queues.addTemporary(destination) : null;
    this.byName.set(destination.name, { owner, queue });
    if (queue === null) this.topics += 1;
    const names = this.namesByOwner.get(owner);
    if (names === undefined) this.namesByOwner.set(owner, new Set([destination.name]));
    else names.add(destination.name);
  }

  /** Who may consume from it; null when it is not temporary. Throws when it is gone. */
  ownerOf(destination: Destination): Client | null {
    if (!destination.name.startsWith(TEMPORARY_PREFIX)) return null;
    return this.existing(destination).owner;
  }

  /** Or it is one of the other kind. */
  isGone({ kind, name }: Destination): boolean {
    if (!name.startsWith(TEMPORARY_PREFIX)) return false;
    const temporary = this.byName.get(name);
    return temporary === undefined || (temporary.queue === null) !== (kind === 'topic');
  }

  /** Topics, which are no queues and have no place among them. */
  get topicCount(): number {
    return this.topics;
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
    if (temporary.queue === null) this.topics -= 1;
    const names = this.namesByOwner.get(owner);
    names?.delete(name);
    if (names?.size === 0) this.namesByOwner.delete(owner);
    return temporary.queue;
  }

  /** Those of a client that is gone. */
  namesOf(owner: Client): string[] {
    return [...(this.namesByOwner.get(owner) ?? [])];
  }

  reset(): void {
    this.byName.clear();
    this.namesByOwner.clear();
    this.topics = 0;
  }

  private existing({ kind, name }: Destination): Temporary {
    const temporary = this.byName.get(name);
    if (temporary !== undefined && !this.isGone({ kind, name })) return temporary;
    throw new HoldfastError(
      'DESTINATION_GONE',
      `The temporary ${kind} "${name}" does not exist, or no more: it went with the connection ` +
        'that made it; ask that client for a new one.',
    );
  }
}
