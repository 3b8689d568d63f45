/**
 * What operators ask the live broker for. It goes the way of clients' commands: through batches, and an answer
 * comes once its change is on stable storage and ownership was verified (P1, P3).
 */

import { HoldfastError } from '../platform/errors.js';
import { TEMPORARY_PREFIX } from './api.js';
import { Client } from './client.js';
import type { Dispatcher } from './dispatcher.js';
import type {
  ActionOutcome,
  BrowseEnd,
  BrowseRequest,
  Ending,
  MessageAction,
  MessageSelection,
} from './management-api.js';
import { MessageBrowse } from './message-browse.js';
import { type JobParts, MessageJob } from './message-job.js';
import type { Queue } from './queue.js';
import type { Subscriptions } from './subscriptions.js';

/** Orders and browses under way at a time: each takes a part of every turn. */
const MOST_AT_A_TIME = 20;

export interface ManagementParts extends JobParts {
  readonly dispatcher: Dispatcher;
  readonly subscriptions: Subscriptions;
  readonly clients: Iterable<Client>;
}

interface UnderWay {
  stop(error: Error): void;
}

export class Management {
  private readonly parts: ManagementParts;
  private readonly client = new Client(
    {
      confirmed: (token) => (token as () => void)(),
      writable: false,
      deliver: () => undefined,
      pauseReading: () => undefined,
      resumeReading: () => undefined,
      abort: () => undefined,
    },
    'an operator',
    { isOfNode: true },
  );
  private readonly underWay = new Set<UnderWay>();
  private isServing = false;

  constructor(parts: ManagementParts) {
    this.parts = parts;
  }

  start(): void {
    this.isServing = true;
  }

  /** Ends what is under way: the next live node has whatever was confirmed, and nothing half. */
  stop(): void {
    this.isServing = false;
    for (const each of [...this.underWay]) each.stop(notServing());
  }

  /** @throws NOT_FOUND, CLIENT_FAILED for a target that is none, LIMIT_EXCEEDED; then nothing was done. */
  act(
    name: string,
    action: MessageAction,
    selection: MessageSelection,
    ending: Ending<ActionOutcome>,
  ): void {
    const { parts, client } = this;
    const queue = this.queue(name);
    this.requireRoom();
    const job: MessageJob = new MessageJob({
      parts,
      client,
      queue,
      action,
      selection,
      ending: this.ended(ending, () => job),
    });
    this.begin(job);
  }

  /** @throws NOT_FOUND, LIMIT_EXCEEDED. */
  browse(request: BrowseRequest, ending: Ending<BrowseEnd>): void {
    const { index, services, publisher } = this.parts;
    const queue = this.queue(request.queue);
    this.requireRoom();
    const browse: MessageBrowse = new MessageBrowse({
      index,
      services,
      queue,
      upTo: request.upTo ?? publisher.upcomingEntryId - 1,
      request,
      ending: this.ended(ending, () => browse),
    });
    this.begin(browse);
  }

  /** Nothing is delivered from it until `resume`, or until another node is live: nothing of it is stored. */
  pause(name: string): void {
    this.queue(name).isPaused = true;
  }

  resume(name: string): void {
    const { index, dispatcher } = this.parts;
    const queue = this.queue(name);
    queue.isPaused = false;
    index.markDirty(queue);
    dispatcher.run();
  }

  /** Whether it had to be made. */
  create(name: string, ending: Ending<{ readonly isNew: boolean }>): void {
    this.requireServing();
    const { index, creator } = this.parts;
    if (name.startsWith(TEMPORARY_PREFIX)) {
      throw refusal(`Names with "${TEMPORARY_PREFIX}" are for what clients make for themselves.`);
    }
    const isNew = index.queues.named(name) === undefined;
    creator.queueFor({ kind: 'queue', name });
    this.confirmed({ isNew }, ending);
  }

  /** @throws QUEUE_IN_USE when it has consumers or messages: purge it first. */
  delete(name: string, ending: Ending<null>): void {
    const queue = this.queue(name);
    const { consumers, messages, arrivingMessages, stored } = queue;
    if (stored === null) {
      throw refusal(`Queue "${name}" is temporary, and goes with the client that made it.`);
    }
    if (consumers.length > 0 || messages + arrivingMessages > 0) {
      throw new HoldfastError(
        'QUEUE_IN_USE',
        `Queue "${name}" has ${consumers.length} consumers and ${messages + arrivingMessages} messages; ` +
          'close the consumers, and purge or move the messages first.',
      );
    }
    this.parts.subscriptions.removeStored(queue, stored.id);
    this.confirmed(null, ending);
  }

  /** @throws CLIENT_FAILED when there is none, or somebody uses it. */
  deleteSubscription(clientId: string, name: string, ending: Ending<null>): void {
    this.requireServing();
    this.parts.subscriptions.removeDurable(clientId, name);
    this.confirmed(null, ending);
  }

  /** Its session tells the client why, and closes. What it has unacknowledged goes back to its queues. */
  closeConnection(id: number, reason: string): void {
    this.requireServing();
    for (const client of this.parts.clients) {
      if (client.id !== id || client.isOfNode) continue;
      client.events.abort(reason);
      return;
    }
    throw new HoldfastError('NOT_FOUND', `There is no connection ${id}, or no more.`);
  }

  private queue(name: string): Queue {
    this.requireServing();
    const queue = this.parts.index.queues.named(name);
    if (queue !== undefined) return queue;
    throw new HoldfastError('NOT_FOUND', `There is no queue "${name}".`);
  }

  private begin(work: UnderWay & { start(): void }): void {
    this.underWay.add(work);
    try {
      work.start();
    } catch (error) {
      this.underWay.delete(work);
      throw error;
    }
  }

  private ended<Result>(ending: Ending<Result>, work: () => UnderWay): Ending<Result> {
    return {
      done: (result) => {
        this.underWay.delete(work());
        ending.done(result);
      },
      failed: (error) => {
        this.underWay.delete(work());
        ending.failed(error);
      },
    };
  }

  private confirmed<Result>(result: Result, ending: Ending<Result>): void {
    const waiting: UnderWay = { stop: (error) => own.failed(error) };
    const own = this.ended(ending, () => waiting);
    this.underWay.add(waiting);
    this.parts.batches.confirm(this.client, () => own.done(result));
  }

  private requireRoom(): void {
    if (this.underWay.size < MOST_AT_A_TIME) return;
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `${MOST_AT_A_TIME} orders of operators are under way already; wait for one of them.`,
    );
  }

  private requireServing(): void {
    if (!this.isServing) throw notServing();
  }
}

function refusal(sentence: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', sentence);
}

function notServing(): HoldfastError {
  return new HoldfastError(
    'OWNERSHIP_LOST',
    'This node does not serve any more, so it is not known whether the last of it was done; look at the live node.',
  );
}
