/** How often something took how long, in fixed steps: cheap to feed, and as Prometheus wants it. */

export class Histogram {
  /** Upper bounds of the steps in seconds, ascending; what is above the last one is in `count` alone. */
  readonly bounds: readonly number[];
  /** For each bound what was above the bound before it, and at most this. */
  readonly counts: Float64Array;
  count = 0;
  sumSeconds = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observeMs(milliseconds: number): void {
    const seconds = milliseconds / 1_000;
    this.count += 1;
    this.sumSeconds += seconds;
    const { bounds, counts } = this;
    for (let step = 0; step < bounds.length; step += 1) {
      if (seconds > (bounds[step] as number)) continue;
      counts[step] = (counts[step] as number) + 1;
      return;
    }
  }
}

/** From a write to a local disk to the stall of a file server. */
export const STORE_SECONDS: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
  ...[0.25, 0.5, 1, 2.5, 5, 10, 30],
];
