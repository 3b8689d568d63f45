/**
 * What the admin listener wants of the store: the history of tenures, and a handover. Nobody else waits for
 * it, so a store that does not answer it, or fails it, ends no tenure. Storage thread.
 */

import { EPOCHS_KEPT, readTenures } from '../ownership/epoch.js';
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { HandoverRequest } from '../store/documents.js';
import {
  readHandoverRequest,
  readLiveDocument,
  writeHandoverRequest,
} from '../store/known-documents.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageSettings, StorageWorld } from './storage-world.js';

const ANSWER_LIMIT_MS = 10_000;
const POLL_INTERVAL_MS = 20;

type Question = Extract<StorageCommand, { kind: 'ask' }>;
type Answer = Extract<StorageEvent, { kind: 'answer' }>;

const NO_HISTORY = { tenures: [], lastLive: null };

export class OperatorDesk {
  readonly #world: StorageWorld;
  readonly #settings: StorageSettings;
  /** To be called when a handover was asked for. */
  readonly #onHandoverRequest: () => void;

  constructor(world: StorageWorld, settings: StorageSettings, onHandoverRequest: () => void) {
    this.#world = world;
    this.#settings = settings;
    this.#onHandoverRequest = onHandoverRequest;
  }

  async answer({ requestId, question }: Question): Promise<Answer> {
    const kind = 'answer';
    try {
      const answer =
        question.about === 'tenures'
          ? { ...(await this.#history()), outcome: null }
          : { ...NO_HISTORY, outcome: await this.#handover(question.to, question.by) };
      return { kind, requestId, failure: null, ...answer };
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : 'JOURNAL_IO_FAILED';
      const failure = { code, sentence: messageOf(error) };
      return { kind, requestId, failure, ...NO_HISTORY, outcome: null };
    }
  }

  async #history(): Promise<Pick<Answer, 'tenures' | 'lastLive'>> {
    const { fileSystem } = this.#world;
    const { layout } = this.#settings;
    const tenures = await readTenures(fileSystem, layout.epochsDirectory, EPOCHS_KEPT);
    const live = await readLiveDocument(fileSystem, layout);
    return { tenures, lastLive: live.kind === 'valid' ? live.document : null };
  }

  /** Through the same file as `holdfast handover`: the live node decides, and writes its answer there. */
  async #handover(
    to: string | null,
    requestedBy: string,
  ): Promise<NonNullable<HandoverRequest['outcome']>> {
    const { fileSystem, clock, random } = this.#world;
    const { layout } = this.#settings;
    const requestId = Buffer.from(random.bytes(16)).toString('hex');
    const requestedAtMs = Math.round(clock.wallMs());
    const request = { requestId, to, requestedAtMs, requestedBy, outcome: null };
    await writeHandoverRequest(fileSystem, layout, request);
    this.#onHandoverRequest();
    const deadlineMs = clock.monotonicMs() + ANSWER_LIMIT_MS;
    while (clock.monotonicMs() < deadlineMs) {
      const now = await readHandoverRequest(fileSystem, layout);
      if (now !== null && now.requestId !== requestId) {
        const reason = `another request, by ${now.requestedBy}, replaced this one`;
        return { accepted: false, reason };
      }
      if (now !== null && now.outcome !== null) return now.outcome;
      await new Promise<void>((resolve) => clock.after(POLL_INTERVAL_MS, resolve));
    }
    return { accepted: false, reason: 'the live node did not answer the request in time' };
  }
}
