/**
 * Two doctors in step: each says something under a key and waits until the other has said its own
 * under the same key. Neither can be more than one step ahead, so the last few words suffice.
 */
import { errnoOf, HoldfastError } from '../../platform/errors.js';
import type { Clock, FileSystem, HostIdentity } from '../../platform/ports.js';
import { type DocumentRead, readDocument } from '../../store/document-file.js';
import { pause } from '../pause.js';
import type { Announcement } from './announcement.js';
import { PEER_FILE, PEER_SHAPE, type PeerDocument, type Said } from './peer-document.js';

const POLL_MS = 10;
/** Words that stay readable: of this step, of the last one, and the end of the trial before. */
const SAID_KEPT = 3;
const SILENCE_LIMIT_MS = 10_000;
/** Most that one round of listening adds to the silence: a read of ours that hung is not the peer's. */
const SILENCE_STEP_MS = 1_000;
const ANSWER_LIMIT_MS = 180_000;
const END = 'end';
const BYE = 'bye';

export interface Heard<Value> {
  readonly value: Value;
  /** By the peer's monotonic clock. */
  readonly saidAtMs: number;
  /** By ours. */
  readonly heardAtMs: number;
}

export interface Limits {
  readonly answerMs?: number;
  readonly silenceMs?: number;
}

/** The peer has ended this trial, and says how in its last word about it. */
export class TrialEndedByPeer extends Error {
  constructor() {
    super('the other doctor has ended this trial');
  }
}

export interface ConversationOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly mine: Announcement;
  /** As it was when the two met. */
  readonly peer: PeerDocument;
  /** The peer's work directory. */
  readonly peerDirectory: string;
}

export class Conversation {
  readonly #options: ConversationOptions;
  #trial = '';
  #isOver = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Keys are those of this trial from now on. */
  begin(trial: string): void {
    this.#trial = trial;
  }

  async exchange<Value>(key: string, value: Value, limits?: Limits): Promise<Heard<Value>> {
    await this.say(key, value);
    return this.hear<Value>(key, limits);
  }

  async say(key: string, value: unknown): Promise<void> {
    const { mine, clock } = this.#options;
    const said: Said = { key: this.#key(key), value, saidAtMs: clock.monotonicMs() };
    await mine.update({ said: [...mine.document.said, said].slice(-SAID_KEPT) });
  }

  /** Throws TrialEndedByPeer, or PEER_GONE when the peer has ended or is silent. */
  async hear<Value>(key: string, limits: Limits = {}): Promise<Heard<Value>> {
    const { answerMs = ANSWER_LIMIT_MS, silenceMs = SILENCE_LIMIT_MS } = limits;
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + answerMs;
    let [beat, silentMs, lastMs] = [-1, 0, clock.monotonicMs()];
    for (;;) {
      const document = present(await this.#listen(), this.#options.peer);
      const nowMs = clock.monotonicMs();
      const said = document?.said.find((candidate) => candidate.key === this.#key(key));
      if (said !== undefined) {
        return { value: said.value as Value, saidAtMs: said.saidAtMs, heardAtMs: nowMs };
      }
      this.#expectMore(document, key);
      const isSilent = document === null || document.beat === beat;
      silentMs = isSilent ? silentMs + Math.min(nowMs - lastMs, SILENCE_STEP_MS) : 0;
      [beat, lastMs] = [document?.beat ?? beat, nowMs];
      if (silentMs > silenceMs) {
        throw this.#gone(
          `has given no sign of life for ${silenceMs / 1_000} s: it was killed, hangs or is cut off`,
        );
      }
      if (nowMs > deadline) throw this.#gone(`has not come to "${key}" in ${answerMs / 1_000} s`);
      await pause(clock, POLL_MS);
    }
  }

  /** The peer will not be heard of again, and that is in order. */
  leave(): void {
    this.#isOver = true;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What each thinks of the trial, said also when it failed; null when nobody is there to hear. */
  async endTrial<Value>(value: Value): Promise<Value | null> {
    if (this.#isOver) return null;
    return (await this.exchange(END, value)).value;
  }

  /** Both have all they need; resolves when the work directories may go. */
  async finish(): Promise<void> {
    if (this.#isOver) return;
    this.begin('');
    try {
      await this.exchange(BYE, null);
    } catch (error) {
      // It has heard our farewell and left.
      if (!(error instanceof HoldfastError && error.code === 'PEER_GONE')) throw error;
    }
  }

  #key(key: string): string {
    return `${this.#trial}/${key}`;
  }

  async #listen(): Promise<DocumentRead<PeerDocument>> {
    const { fileSystem, peerDirectory } = this.#options;
    try {
      return await readDocument(fileSystem, `${peerDirectory}/${PEER_FILE}`, PEER_SHAPE);
    } catch (error) {
      // Removed while this host still had it in its cache.
      if (errnoOf(error) === 'ESTALE') return { kind: 'missing' };
      throw error;
    }
  }

  #expectMore(document: PeerDocument | null, key: string): void {
    if (document === null) return;
    if (document.farewell !== null) throw this.#gone(`gave up: ${document.farewell}`);
    const hasEnded = document.said.some((candidate) => candidate.key === this.#key(END));
    if (hasEnded && key !== END) throw new TrialEndedByPeer();
  }

  #gone(what: string): HoldfastError {
    return peerGone(this.#options.peer, what);
  }
}

export function peerGone({ host, pid }: HostIdentity, what: string): HoldfastError {
  return new HoldfastError(
    'PEER_GONE',
    `The other doctor (host ${host}, process ${pid}) ${what}; start both again.`,
  );
}

/** Null when it cannot be read just now: half a rewrite. */
function present(read: DocumentRead<PeerDocument>, peer: HostIdentity): PeerDocument | null {
  if (read.kind === 'missing') throw peerGone(peer, 'has ended');
  return read.kind === 'valid' ? read.document : null;
}
