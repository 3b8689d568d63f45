/**
 * What a producer and a consumer of one queue told while the live node was killed, and what has to
 * be true of it: nothing that was confirmed is lost, nothing is invented, and only that comes twice
 * whose confirmation or settlement the dead node may not have had.
 */
import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.js';

const DRAIN_LIMIT_MS = 20_000;

export class FailoverLedger {
  readonly sent = new Set<string>();
  readonly confirmed = new Set<string>();
  readonly receipts: string[] = [];
  /** Received in a transaction whose commit failed, which may have been carried out all the same. */
  readonly unknown = new Set<string>();
  /** Sent and not confirmed when the node died: the client sends it again. */
  readonly #underWay = new Set<string>();
  readonly #drainLimitMs: number;

  constructor({ drainLimitMs } = { drainLimitMs: DRAIN_LIMIT_MS }) {
    this.#drainLimitMs = drainLimitMs;
  }

  /** `event` is a word of the program; others than these are not for a ledger. */
  record(event: string, message: string): void {
    if (event === 'sent') this.sent.add(message);
    else if (event === 'confirmed') this.confirmed.add(message);
    else if (event === 'received') this.receipts.push(message);
    else if (event === 'unknown') this.unknown.add(message);
  }

  /** To be called before the live node is killed, and after: it dies at some moment between. */
  noteUnderWay(): void {
    for (const one of this.sent) if (!this.confirmed.has(one)) this.#underWay.add(one);
  }

  get summary(): string {
    const twice = this.#repeated().size;
    return `${this.confirmed.size} confirmed, ${this.receipts.length} received, ${twice} of them again`;
  }

  get missing(): string[] {
    const received = new Set(this.receipts);
    return [...this.confirmed].filter((one) => !received.has(one) && !this.unknown.has(one));
  }

  /** Resolves when everything that was confirmed has been received, and fails when something else is wrong. */
  async check(): Promise<void> {
    await eventually(
      'what was confirmed is received',
      () => this.missing.length === 0,
      this.#drainLimitMs,
    ).catch(() => assert.deepEqual(this.missing, [], 'lost'));
    const invented = this.receipts.filter((one) => !this.sent.has(one));
    assert.deepEqual(invented, [], 'invented');
    this.#checkRepeated();
  }

  /**
   * A transaction of `size` messages is whole or absent, and nothing of it comes twice. Only one
   * commit of the producer and one of the consumer can have been under way when the node died.
   * `groupOf` tells in which transaction a message was sent.
   */
  checkTransactions(groupOf: (message: string) => string, size: number): void {
    assert.deepEqual(this.#repeated(), new Set());
    const received = new Set(this.receipts);
    const inDoubt = [...this.unknown].filter((one) => !received.has(one));
    assert.ok(inDoubt.length <= size, `not received after a commit that failed: ${inDoubt}`);
    const counts = new Map<string, number>();
    for (const group of [...received, ...inDoubt].map(groupOf)) {
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    const parts = [...counts].filter(([, count]) => count !== size);
    assert.deepEqual(parts, [], 'received in part');
    const confirmed = new Set([...this.confirmed].map(groupOf));
    const unasked = [...counts.keys()].filter((group) => !confirmed.has(group));
    assert.ok(unasked.length <= 1, `received although their commits failed: ${unasked}`);
  }

  /**
   * Settlements go to the node in the order of the receipts, and what comes again comes before what
   * is new. So if the dead node lacked one settlement, it lacked those of all that was received
   * between the first receipt and the second one.
   */
  #checkRepeated(): void {
    const repeated = this.#repeated();
    const first = this.receipts.findIndex((one) => repeated.has(one) && !this.#underWay.has(one));
    if (first === -1) return;
    const message = this.receipts[first] as string;
    const between = this.receipts.slice(first, this.receipts.indexOf(message, first + 1));
    assert.deepEqual(
      between.filter((one) => !repeated.has(one)),
      [],
      `${message} came again, and these were settled after it`,
    );
  }

  #repeated(): Set<string> {
    const seen = new Set<string>();
    return new Set(this.receipts.filter((one) => seen.size === seen.add(one).size));
  }
}
