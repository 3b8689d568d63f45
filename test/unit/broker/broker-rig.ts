/**
 * A broker with a committer in memory: batches become blocks in a map, which is also where bodies
 * come from. `checkTwins` holds every scenario to the promise that replay and checkpoints give
 * the same state as living through it.
 */

import assert from 'node:assert/strict';
import type { AddressRule } from '../../../src/broker/address-settings.js';
import {
  ACKNOWLEDGEMENT,
  type AcknowledgementMode,
  type BrokerSession,
  CONTENT_KIND,
  type ConfirmationToken,
  type DeliveryView,
  type Destination,
  type DuplicateId,
  type DurableSubscription,
  type IncomingMessage,
  inMemory,
  REJECTION,
  type Rejection,
  type SessionEvents,
  type Subscriber,
} from '../../../src/broker/api.js';
import { Broker } from '../../../src/broker/broker.js';
import type {
  Batch,
  BlockPosition,
  BodySource,
  BrokerLimits,
  SegmentUsage,
} from '../../../src/broker/host.js';
import { BLOCK_HEADER_BYTES } from '../../../src/journal/format.js';
import { messageContents } from '../../../src/node/content-kinds.js';

const SEGMENT_BYTES = 64 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const LIMITS: BrokerLimits = {
  queueMaxMessages: 100_000,
  queueMaxBytes: 1e12,
  storeMaxMessages: 1_000_000,
  storeMaxBytes: 1e12,
  maxQueues: 100,
  maxTransactionBytes: 100_000,
  maxTransactionsPerSession: 3,
  transactionTimeoutMs: 0,
  maxSubscriptionsPerSession: 10,
  topicBacklogMaxBytes: 100_000,
  memoryMaxBytes: 1_000_000,
  defaultPrefetch: 100,
  maxPrefetch: 1000,
  maxDeliveries: 3,
  redeliveryDelayMs: 0,
  duplicateIdsPerAddress: 1000,
  duplicateIdsMaxBytes: 1_000_000,
};

export class UsageMap implements SegmentUsage {
  readonly bytes = new Map<number, number>();

  retain(segment: number, bytes: number): void {
    this.bytes.set(segment, (this.bytes.get(segment) ?? 0) + bytes);
  }

  release(segment: number, bytes: number): void {
    const left = (this.bytes.get(segment) ?? 0) - bytes;
    assert.ok(left >= 0, `segment ${segment} released more than it retained`);
    if (left === 0) this.bytes.delete(segment);
    else this.bytes.set(segment, left);
  }
}

interface Block {
  readonly payload: Uint8Array;
  readonly recordCount: number;
  readonly position: BlockPosition;
}

export interface RigOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly addresses?: Readonly<Record<string, Omit<AddressRule, 'pattern'>>>;
  readonly maxBatchBytes?: number;
  /** Bodies are at hand only after they were loaded. */
  readonly cold?: boolean;
}

export class Rig {
  nowMs = 1_000_000;
  mayDeliver = true;
  pendingCalls = 0;
  usage = new UsageMap();
  readonly blocks: Block[] = [];
  broker: Broker;
  readonly waitingLoads: (() => void)[] = [];
  /** What the broker left for a later turn. */
  readonly waitingTasks: (() => void)[] = [];
  loads = 0;
  /** What the broker told of: queues that drop messages, and why. */
  readonly firstDrops: string[] = [];
  /** Those of the next broker may be others. */
  options: RigOptions;
  private readonly byPlace = new Map<string, Block>();
  private readonly atHand = new Set<string>();
  private segment = 1;
  private offset = 512;

  constructor(options: RigOptions = {}) {
    this.options = options;
    this.broker = this.newBroker(this.usage, this.bodies());
    this.broker.startServing();
  }

  newBroker(usage: SegmentUsage, bodies: BodySource): Broker {
    return new Broker({
      limits: { ...LIMITS, ...this.options.limits },
      addresses: Object.entries(this.options.addresses ?? {}).map(([pattern, settings]) => ({
        pattern,
        ...settings,
      })),
      onFirstDrop: ({ name }, cause) => this.firstDrops.push(`${name} ${cause}`),
      maxBatchBytes: this.options.maxBatchBytes ?? 4096,
      bodies,
      usage,
      wallMs: () => this.nowMs,
      mayDeliver: () => this.mayDeliver,
      onPending: () => {
        this.pendingCalls += 1;
      },
      allocateSlab: (minimumBytes) => new Uint8Array(minimumBytes),
      later: (task) => this.waitingTasks.push(task),
      contents: {
        ...messageContents,
        deadLetterHeaders: (_kind, headers, facts) =>
          encoder.encode(
            `${decoder.decode(headers)}why:${facts.reason}\nfrom:${facts.originalDestination.name}\n` +
              `times:${facts.deliveries}\n${facts.expiredAtMs > 0 ? `expired:${facts.expiredAtMs}\n` : ''}`,
          ),
      },
    });
  }

  connect(broker = this.broker, clientId: string | null = null): TestClient {
    return new TestClient(broker, clientId);
  }

  /** Commits one batch; false when there is none. */
  commitNext(): boolean {
    const batch = this.broker.takeBatch();
    if (batch === null) return false;
    this.commit(batch);
    return true;
  }

  commit(batch: Batch): void {
    this.broker.committed(batch, this.store(batch));
  }

  /** Writes a batch as a block would be written; null when it has no records. */
  store(batch: Batch): BlockPosition | null {
    if (batch.end === BLOCK_HEADER_BYTES) {
      assert.equal(batch.recordCount, 0);
      return null;
    }
    const payload = batch.slab.slice(BLOCK_HEADER_BYTES, batch.end);
    if (this.offset + batch.end > SEGMENT_BYTES) {
      this.segment += 1;
      this.offset = 512;
    }
    const position = { segment: this.segment, blockOffset: this.offset };
    this.offset += batch.end;
    const block = { payload, recordCount: batch.recordCount, position };
    this.blocks.push(block);
    this.byPlace.set(`${position.segment}/${position.blockOffset}`, block);
    return position;
  }

  /** The segment was deleted: the block can be loaded no more. */
  forgetBlock({ segment, blockOffset }: BlockPosition): void {
    this.byPlace.delete(`${segment}/${blockOffset}`);
  }

  /** Commits until nothing is left to commit, to load or to do later. */
  settle(): void {
    for (;;) {
      const next = this.waitingLoads.shift() ?? this.waitingTasks.shift();
      if (next !== undefined) next();
      else if (!this.commitNext()) return;
    }
  }

  /** The live node is gone; one that followed it serves. What was not committed is lost. */
  takeOver(): void {
    const { broker, usage } = this.follower();
    this.broker = broker;
    this.usage = usage;
    this.waitingLoads.length = 0;
    broker.startServing();
  }

  /** A broker that followed the journal, not yet serving. */
  follower(): { broker: Broker; usage: UsageMap } {
    const usage = new UsageMap();
    const broker = this.newBroker(usage, this.bodies());
    for (const { payload, recordCount, position } of this.blocks) {
      broker.apply(payload, recordCount, position);
    }
    return { broker, usage };
  }

  /** P1 and P7 rest on it: following and restoring give the state that the live node has. */
  checkTwins(): void {
    this.settle();
    const live = this.broker.snapshot();
    const { broker: follower, usage } = this.follower();
    assert.deepEqual(follower.snapshot(), live, 'the follower differs from the live broker');
    assert.deepEqual(sorted(usage.bytes), sorted(this.usage.bytes), 'usage differs');
    const restoredUsage = new UsageMap();
    const restored = this.newBroker(restoredUsage, this.bodies());
    for (const payload of live) restored.restore(payload);
    assert.deepEqual(restored.snapshot(), live, 'the restored broker differs from the live one');
    assert.deepEqual(sorted(restoredUsage.bytes), sorted(this.usage.bytes));
    const stored = (broker: Broker) =>
      broker
        .statistics()
        .queues.filter((queue) => queue.stored)
        .map(({ destination }) => destination);
    assert.deepEqual(stored(restored), stored(follower));
  }

  bodies(): BodySource {
    const key = (segment: number, blockOffset: number) => `${segment}/${blockOffset}`;
    return {
      cached: (segment, blockOffset) => {
        const place = key(segment, blockOffset);
        if (this.options.cold === true && !this.atHand.has(place)) return undefined;
        return this.byPlace.get(place)?.payload;
      },
      load: (segment, blockOffset, loaded) => {
        this.loads += 1;
        this.waitingLoads.push(() => {
          const place = key(segment, blockOffset);
          this.atHand.add(place);
          loaded();
          this.atHand.delete(place);
        });
      },
      hold: (_segment, _blockOffset, payload) => inMemory(payload),
    };
  }
}

function sorted(map: Map<number, number>): [number, number][] {
  return [...map].sort((one, two) => one[0] - two[0]);
}

/** What a client got, with the bytes copied out of the shared view. */
export interface Received extends Omit<DeliveryView, 'bytes'> {
  readonly body: string;
  readonly headers: string;
  readonly subscriber: Subscriber;
}

export interface SendOptions {
  readonly headers?: string;
  readonly durable?: boolean;
  readonly priority?: number;
  readonly expiresAtMs?: number;
  readonly deliverAtMs?: number;
  readonly groupId?: string;
  readonly closesGroup?: boolean;
  readonly duplicateId?: DuplicateId;
  readonly token?: ConfirmationToken;
  readonly transaction?: string;
}

export interface ListenOptions {
  readonly mode?: AcknowledgementMode;
  readonly prefetch?: number;
  readonly durable?: DurableSubscription;
  readonly credit?: number;
  readonly returnsAtRollback?: boolean;
  readonly selector?: string;
  readonly noLocal?: boolean;
  readonly browses?: boolean;
  readonly shared?: { readonly clientId: string; readonly name: string };
  readonly token?: ConfirmationToken;
  readonly context?: unknown;
}

export class TestClient implements SessionEvents {
  writable = true;
  readonly confirmations: ConfirmationToken[] = [];
  readonly received: Received[] = [];
  readonly paused: string[] = [];
  resumed = 0;
  readonly aborted: string[] = [];
  onDeliver: ((message: Received) => void) | null = null;
  readonly session: BrokerSession;

  constructor(broker: Broker, clientId: string | null = null) {
    this.session = broker.openSession(this, 'test client', { clientId });
  }

  get bodies(): string[] {
    return this.received.map(({ body }) => body);
  }

  /** The bodies received since the last call. */
  takeBodies(): string[] {
    return this.received.splice(0).map(({ body }) => body);
  }

  last(): Received {
    return this.received.at(-1) as Received;
  }

  confirmed(token: ConfirmationToken): void {
    this.confirmations.push(token);
  }

  deliver(subscriber: Subscriber, view: DeliveryView): void {
    const { bytes, ...fields } = view;
    const received = {
      ...fields,
      subscriber,
      headers: decoder.decode(bytes.subarray(view.headersStart, view.headersEnd)),
      body: decoder.decode(bytes.subarray(view.bodyStart, view.bodyEnd)),
    };
    this.received.push(received);
    this.onDeliver?.(received);
  }

  pauseReading(reason: string): void {
    this.paused.push(reason);
  }

  resumeReading(): void {
    this.resumed += 1;
  }

  abort(reason: string): void {
    this.aborted.push(reason);
  }

  send(destination: string, body: string, options: SendOptions = {}): void {
    const message: IncomingMessage = {
      destination: parse(destination),
      contentKind: CONTENT_KIND.stomp,
      headers: encoder.encode(options.headers ?? ''),
      body: encoder.encode(body),
      durable: options.durable ?? true,
      priority: options.priority ?? 4,
      expiresAtMs: options.expiresAtMs ?? 0,
      deliverAtMs: options.deliverAtMs ?? 0,
      groupId: options.groupId ?? null,
      closesGroup: options.closesGroup ?? false,
      duplicateId: options.duplicateId ?? null,
    };
    this.session.send(message, options.token ?? null, options.transaction ?? null);
  }

  listen(destination: string, options: ListenOptions = {}): Subscriber {
    return this.session.subscribe(
      {
        destination: parse(destination),
        acknowledgement: options.mode ?? ACKNOWLEDGEMENT.individual,
        prefetch: options.prefetch ?? 0,
        durable: options.durable ?? null,
        ...(options.credit === undefined ? {} : { credit: options.credit }),
        returnsAtRollback: options.returnsAtRollback ?? false,
        ...(options.shared === undefined ? {} : { shared: options.shared }),
        selector: options.selector ?? null,
        noLocal: options.noLocal ?? false,
        browses: options.browses ?? false,
        context: options.context ?? null,
      },
      options.token ?? null,
    );
  }

  acknowledge(message: Received, transaction: string | null = null, token: unknown = null): void {
    this.session.acknowledge(message.subscriber, message.entryId, token, transaction);
  }

  reject(message: Received, transaction: string | null = null, token: unknown = null): void {
    this.settle(message, REJECTION.failed, transaction, token);
  }

  settle(
    { subscriber, entryId }: Received,
    rejection: Rejection,
    transaction: string | null = null,
    token: unknown = null,
  ): void {
    this.session.reject(subscriber, entryId, rejection, token, transaction);
  }
}

function parse(destination: string): Destination {
  const [, kind, name] = destination.split('/') as [string, 'queue' | 'topic', string];
  return { kind, name };
}

/** Depth of a queue or durable subscription as the broker counts it. */
export function depth(broker: Broker, name: string): number {
  const found = broker.statistics().queues.filter(({ destination }) => destination.name === name);
  return found.reduce((sum, { messages }) => sum + messages, 0);
}
