/**
 * Holds producers back: a session that sends into what is full is told to stop reading from its
 * client, after its message was taken, and to go on once there is room again. A queue that drops or
 * rejects what it has no room for holds nobody back: the publisher asks here whether it is full.
 */

import type { Client } from './client.js';
import type { BrokerLimits } from './host.js';
import type { MessageIndex } from './message-index.js';
import type { Queue } from './queue.js';

/** A producer goes on when what was full is below this part of its limit. */
const RESUME_FRACTION = 0.9;

/** What can be full: a queue, all queues, the memory for non-durable messages, or what the node says. */
type Holder = Queue | 'store' | 'memory' | 'node';

/** Why the node holds every producer back. */
export interface NodeHold {
  readonly reason: string;
  /** It makes room by itself, in a moment. Else somebody has to. */
  readonly isBrief: boolean;
}

export class FlowControl {
  private readonly index: MessageIndex;
  private readonly limits: BrokerLimits;
  private readonly held = new Map<Holder, Set<Client>>();
  private nodeHold: NodeHold | null = null;
  /** What goes on when the node has made room, or says that it cannot. */
  private awaitingRoom: (() => void)[] = [];

  constructor(index: MessageIndex, limits: BrokerLimits) {
    this.index = index;
    this.limits = limits;
  }

  /** To be called when `client` has sent a message to `queue`. */
  sent(client: Client, queue: Queue): void {
    if (queue.settings.whenFull === 'block' && this.queueFill(queue) > 1) {
      this.hold(queue, client, `Queue ${queue.destination.name} is full`);
    }
  }

  /** Whether it takes nothing more, when so many messages and bytes are about to come already. */
  isFull(queue: Queue, messages = 0, bytes = 0): boolean {
    const { maxMessages, maxBytes } = queue.settings;
    return (
      queue.messages + queue.arrivingMessages + messages >= maxMessages ||
      queue.bytes + queue.arrivingBytes + bytes >= maxBytes
    );
  }

  /** To be called when `client` has sent a message, wherever it went. */
  sentAnything(client: Client): void {
    client.sends = true;
    if (this.storeFill() > 1) this.hold('store', client, 'The store is full');
    if (this.memoryFill() > 1) {
      this.hold('memory', client, 'The memory for messages that are not written yet is full');
    }
    if (this.nodeHold !== null) this.hold('node', client, this.nodeHold.reason);
  }

  /** The node holds every producer back. */
  get isHeldByNode(): boolean {
    return this.nodeHold !== null;
  }

  /** In a sentence, for an operator's order; null when it does not. */
  whyNodeHolds(): string | null {
    const { nodeHold } = this;
    return nodeHold === null ? null : `Nothing more is written now: ${nodeHold.reason}.`;
  }

  /** True while the node holds producers for a moment: then `task` runs when that is over, or known to last. */
  resumesWithRoom(task: () => void): boolean {
    if (this.nodeHold?.isBrief !== true) return false;
    this.awaitingRoom.push(task);
    return true;
  }

  /** Why an operator's order may put nothing more into the queue; `isMore`: what it takes stays where it is, too. */
  whyNoRoom(queue: Queue, isMore: boolean): string | null {
    if (this.nodeHold !== null) return this.whyNodeHolds();
    if (isMore && this.storeFill() > 1)
      return 'The store is full (limits.storeMaxMessages, limits.storeMaxBytes).';
    if (isMore && this.memoryFill() > 1) {
      return 'The memory for messages that are not written yet is full (limits.memoryMaxBytes).';
    }
    if (queue.isBacklog || !this.isFull(queue)) return null;
    const { destination, settings } = queue;
    const what = destination.kind === 'queue' ? 'Queue' : 'A durable subscription to topic';
    return (
      `${what} "${destination.name}" is full: ${settings.maxMessages} messages or ${settings.maxBytes} ` +
      'bytes are allowed (maxMessages and maxBytes in addresses).'
    );
  }

  holdAll(hold: NodeHold, clients: Iterable<Client>): void {
    this.nodeHold = hold;
    for (const client of clients) if (client.sends) this.hold('node', client, hold.reason);
    if (!hold.isBrief) this.endWaits();
  }

  releaseAll(): void {
    this.nodeHold = null;
    this.release('node');
    this.endWaits();
  }

  /** Lets go on whoever waits for something that has room again. */
  recheck(): void {
    if (this.held.size === 0) return;
    for (const holder of [...this.held.keys()]) {
      if (holder !== 'node' && this.fill(holder) < RESUME_FRACTION) this.release(holder);
    }
  }

  forget(client: Client): void {
    for (const [holder, clients] of this.held) {
      clients.delete(client);
      if (clients.size === 0) this.held.delete(holder);
    }
  }

  reset(): void {
    this.held.clear();
    this.nodeHold = null;
    this.awaitingRoom = [];
  }

  private endWaits(): void {
    const tasks = this.awaitingRoom;
    this.awaitingRoom = [];
    for (const task of tasks) task();
  }

  private fill(holder: Exclude<Holder, 'node'>): number {
    if (holder === 'store') return this.storeFill();
    if (holder === 'memory') return this.memoryFill();
    // It may have held producers back before its settings were changed.
    return holder.settings.whenFull === 'block' ? this.queueFill(holder) : 0;
  }

  /** Above 1 when full. */
  private queueFill(queue: Queue): number {
    return Math.max(
      (queue.messages + queue.arrivingMessages) / queue.settings.maxMessages,
      (queue.bytes + queue.arrivingBytes) / queue.settings.maxBytes,
    );
  }

  private storeFill(): number {
    return Math.max(
      (this.index.messages + this.index.arrivingMessages) / this.limits.storeMaxMessages,
      (this.index.bytes + this.index.arrivingBytes) / this.limits.storeMaxBytes,
    );
  }

  private memoryFill(): number {
    const { volatile, arrivingBytes } = this.index;
    return (volatile.bytes + arrivingBytes) / this.limits.memoryMaxBytes;
  }

  private hold(holder: Holder, client: Client, reason: string): void {
    let clients = this.held.get(holder);
    if (clients === undefined) {
      clients = new Set();
      this.held.set(holder, clients);
    }
    if (clients.has(client)) return;
    clients.add(client);
    client.holds += 1;
    if (client.holds === 1) client.events.pauseReading(reason);
  }

  private release(holder: Holder): void {
    const clients = this.held.get(holder);
    if (clients === undefined) return;
    this.held.delete(holder);
    for (const client of clients) {
      client.holds -= 1;
      if (client.holds === 0) client.events.resumeReading();
    }
  }
}
