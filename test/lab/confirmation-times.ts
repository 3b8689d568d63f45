/** When which node confirmed, as clients saw it: enough to tell how long nobody did, and who came after whom. */

export interface ConfirmerChange {
  readonly node: string;
  /** Of the first confirmation of this node after another one's, and of the last one before, by the wall clock. */
  readonly atMs: number;
  readonly afterMs: number;
}

export interface TimesReport {
  readonly changes: readonly ConfirmerChange[];
  readonly lastAtMs: number;
  /** Longest time without any confirmation, and when it ended. */
  readonly longestGap: { readonly gapMs: number; readonly endedAtMs: number };
}

export class ConfirmationTimes {
  readonly #changes: ConfirmerChange[] = [];
  #node: string | null = null;
  #lastAtMs = 0;
  #longestGap = { gapMs: 0, endedAtMs: 0 };

  confirmed(node: string, atMs: number): void {
    if (this.#node !== node) this.#changes.push({ node, atMs, afterMs: this.#lastAtMs });
    const gapMs = this.#lastAtMs === 0 ? 0 : atMs - this.#lastAtMs;
    if (gapMs > this.#longestGap.gapMs) this.#longestGap = { gapMs, endedAtMs: atMs };
    this.#node = node;
    this.#lastAtMs = atMs;
  }

  report(): TimesReport {
    return { changes: this.#changes, lastAtMs: this.#lastAtMs, longestGap: this.#longestGap };
  }
}
