/**
 * The node as its operators see it through the admin listener (docs/admin.md): what there is, and what they may
 * change. What takes several turns is a promise; it is kept when the change is on stable storage and owned.
 */

import type { Broker } from '../broker/broker.js';
import type {
  ConnectionFacts,
  ConsumerFacts,
  QueueFacts,
  SubscriptionFacts,
  TopicFacts,
  TotalFacts,
  TransactionFacts,
} from '../broker/facts.js';
import type { ActionOutcome, Ending, MessageAction } from '../broker/management-api.js';
import { type PredecessorEnd, releaseOf, type Tenure } from '../ownership/epoch.js';
import { HoldfastError } from '../platform/errors.js';
import type { Histogram } from '../platform/histogram.js';
import type { Clock } from '../platform/ports.js';
import { parseSelector, type Selector } from '../selector/selector.js';
import type { JournalPosition, LiveDocument } from '../store/documents.js';
import { type MessageView, viewOf } from './message-view.js';
import type { JournalFigures } from './node-figures.js';
import type { OperatorQuestion, StorageCommand, StorageEvent } from './storage-protocol.js';

export interface TenureView {
  readonly epoch: number;
  /** Null when its node was killed before it had written who it was. */
  readonly node: string | null;
  readonly host: string | null;
  /** Wall-clock milliseconds, by the clock of that host. */
  readonly fromMs: number | null;
  /** When the next one was claimed; of a last one that was ended, its last ownership check; else null. */
  readonly toMs: number | null;
  /** As its successor found it, or as it said itself; null while it goes on, and where that is not known. */
  readonly ended: PredecessorEnd | null;
}

export interface JournalFacts extends JournalFigures {
  /** The end of what is committed. */
  readonly position: JournalPosition;
  /** For how long the block under way has waited for its confirmation; 0 when there is none. */
  readonly waitingMs: number;
}

/** Counted since the process began. */
export interface TimingFacts {
  /** From a block being full to its confirmations leaving. */
  readonly confirmations: Histogram;
  /** Of writes to the journal, to stable storage. */
  readonly writes: Histogram;
  readonly appendedBytes: number;
}

export interface OrderOptions {
  readonly ids?: readonly number[];
  /** The text of a message selector. */
  readonly filter?: string;
  readonly limit?: number;
  readonly after?: number;
  readonly upTo?: number;
}

export interface BrowseOptions {
  readonly filter?: string;
  readonly after?: number;
  readonly limit: number;
  /** Longer bodies are cut there. */
  readonly bodyBytes: number;
}

export interface BrowsePage {
  readonly messages: readonly MessageView[];
  /** What to say as `after` for what follows; null at the end. */
  readonly next: number | null;
}

export interface AdministrationOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly post: (command: StorageCommand) => void;
  readonly journal: () => JournalFacts;
  readonly timings: () => TimingFacts;
}

/** A handover is answered in less, where the store answers. */
const ANSWER_LIMIT_MS = 15_000;

type Answer = Extract<StorageEvent, { kind: 'answer' }>;

export class Administration {
  readonly #options: AdministrationOptions;
  readonly #questions = new Map<number, (answer: Answer) => void>();
  #nextRequestId = 1;

  constructor(options: AdministrationOptions) {
    this.#options = options;
  }

  queues(): QueueFacts[] {
    return this.#inspection.queues();
  }

  /** @throws NOT_FOUND */
  queue(name: string): QueueFacts {
    const found = this.#inspection.queue(name);
    if (found !== null) return found;
    throw new HoldfastError('NOT_FOUND', `There is no queue "${name}".`);
  }

  hasQueue(name: string): boolean {
    return this.#options.broker.hasQueue(name);
  }

  /** Of a durable subscription; null when there is none of the name. */
  topicOf(clientId: string, name: string): string | null {
    return this.#inspection.topicOf(clientId, name);
  }

  topics(): TopicFacts[] {
    return this.#inspection.topics();
  }

  subscriptions(): SubscriptionFacts[] {
    return this.#inspection.subscriptions();
  }

  consumers(): ConsumerFacts[] {
    return this.#inspection.consumers();
  }

  connections(): ConnectionFacts[] {
    return this.#inspection.connections();
  }

  transactions(): TransactionFacts[] {
    return this.#inspection.transactions();
  }

  totals(): TotalFacts {
    return this.#inspection.totals();
  }

  journal(): JournalFacts {
    return this.#options.journal();
  }

  timings(): TimingFacts {
    return this.#options.timings();
  }

  /** The latest ones, newest first. */
  async tenures(): Promise<TenureView[]> {
    const { tenures, lastLive } = await this.#ask({ about: 'tenures' });
    return tenures
      .map((tenure, index) => tenureView(tenure, tenures[index + 1] ?? null, lastLive))
      .reverse();
  }

  /** Resolves when the live node, which this one has to be, has begun. @throws HANDOVER_REFUSED */
  async handover(to: string | null, by: string): Promise<{ readonly reason: string }> {
    const { outcome } = await this.#ask({ about: 'handover', to, by });
    if (outcome?.accepted === true) return { reason: outcome.reason };
    const reason = outcome?.reason ?? 'there was no answer';
    throw new HoldfastError('HANDOVER_REFUSED', `The handover is refused: ${reason}.`);
  }

  async browse(queue: string, options: BrowseOptions): Promise<BrowsePage> {
    const { filter, after = 0, limit, bodyBytes } = options;
    const messages: MessageView[] = [];
    const next = await endOf<number | null>((ending) =>
      this.#management.browse(
        {
          queue,
          selector: selectorOf(filter),
          after,
          upTo: null,
          limit,
          onMessage: (message) => messages.push(viewOf(message, bodyBytes)),
        },
        ending,
      ),
    );
    return { messages, next };
  }

  /** @throws NOT_FOUND */
  async message(queue: string, id: number, bodyBytes: number): Promise<MessageView> {
    const messages: MessageView[] = [];
    await endOf<number | null>((ending) =>
      this.#management.browse(
        {
          queue,
          selector: null,
          after: id - 1,
          upTo: id,
          limit: 1,
          onMessage: (message) => messages.push(viewOf(message, bodyBytes)),
        },
        ending,
      ),
    );
    const [found] = messages;
    if (found !== undefined) return found;
    throw new HoldfastError('NOT_FOUND', `Queue "${queue}" has no message ${id}, or no more.`);
  }

  act(queue: string, action: MessageAction, options: OrderOptions): Promise<ActionOutcome> {
    const { ids = null, filter, limit = Number.POSITIVE_INFINITY, after = 0 } = options;
    const { upTo = null } = options;
    const selection = { ids, selector: selectorOf(filter), limit, after, upTo };
    return endOf((ending) => this.#management.act(queue, action, selection, ending));
  }

  pause(queue: string): void {
    this.#management.pause(queue);
  }

  resume(queue: string): void {
    this.#management.resume(queue);
  }

  createQueue(name: string): Promise<{ readonly isNew: boolean }> {
    return endOf((ending) => this.#management.create(name, ending));
  }

  deleteQueue(name: string): Promise<null> {
    return endOf((ending) => this.#management.delete(name, ending));
  }

  deleteSubscription(clientId: string, name: string): Promise<null> {
    return endOf((ending) => this.#management.deleteSubscription(clientId, name, ending));
  }

  closeConnection(id: number, reason: string): void {
    this.#management.closeConnection(id, reason);
  }

  /** To be called with what the storage thread says. */
  onAnswer(answer: Answer): void {
    const waiting = this.#questions.get(answer.requestId);
    this.#questions.delete(answer.requestId);
    waiting?.(answer);
  }

  get #inspection(): Broker['inspection'] {
    return this.#options.broker.inspection;
  }

  get #management(): Broker['management'] {
    return this.#options.broker.management;
  }

  async #ask(question: OperatorQuestion): Promise<Answer> {
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    const { clock, post } = this.#options;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const limit = clock.after(ANSWER_LIMIT_MS, () => {
        this.#questions.delete(requestId);
        reject(new HoldfastError('STORE_STALLED', 'The store has not answered; ask again later.'));
      });
      this.#questions.set(requestId, (answered) => {
        limit.cancel();
        resolve(answered);
      });
      post({ kind: 'ask', requestId, question });
    });
    if (answer.failure === null) return answer;
    throw new HoldfastError(answer.failure.code, answer.failure.sentence);
  }
}

function endOf<Result>(begin: (ending: Ending<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => begin({ done: resolve, failed: reject }));
}

/** @throws CLIENT_FAILED with the place of the fault. */
function selectorOf(filter: string | undefined): Selector | null {
  return filter === undefined ? null : parseSelector(filter);
}

function tenureView(
  { epoch, claim }: Tenure,
  next: Tenure | null,
  lastLive: LiveDocument | null,
): TenureView {
  const own = lastLive?.epoch === epoch ? lastLive : null;
  const release = own === null ? null : releaseOf(own);
  return {
    epoch,
    node: claim?.node ?? null,
    host: claim?.host ?? null,
    fromMs: claim?.claimedAtMs ?? null,
    toMs: next?.claim?.claimedAtMs ?? (release === null ? null : own?.verifiedAtMs || null),
    ended: next?.claim?.predecessor ?? release,
  };
}
