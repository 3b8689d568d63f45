/** How wrong the wall clocks of the nodes' hosts have ever been: bounds for what expiry may do. */

export class WallOffsets {
  #lowestMs = Number.POSITIVE_INFINITY;
  #highestMs = Number.NEGATIVE_INFINITY;

  /** At the beginning, and again at every jump: wall clock minus virtual time. */
  note(offsetMs: number): void {
    this.#lowestMs = Math.min(this.#lowestMs, offsetMs);
    this.#highestMs = Math.max(this.#highestMs, offsetMs);
  }

  /** Some clock may have shown this at that moment of virtual time or before. */
  highestAt(virtualMs: number): number {
    return virtualMs + this.#highestMs;
  }

  /** Every clock showed at least this at that moment, and shows it at every later one. */
  lowestAt(virtualMs: number): number {
    return virtualMs + this.#lowestMs;
  }
}
