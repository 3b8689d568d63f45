/**
 * P3 for deliveries: while the last good ownership check of a node began too long ago, another one may
 * be live, and may have had the same messages acknowledged; so the node delivers nothing. Clients
 * cannot see it, since what was delivered in good order may travel for any time. What its broker
 * counts must stand still from then on, until it hears of a check or ends.
 */
import type { OnBreach } from './breach.js';
import type { NodeView } from './node-view.js';

/** A little later than the moment itself, which two clocks may round differently. */
const ROUNDING_MS = 0.001;

export interface DeliveriesOptions {
  readonly onBreach: OnBreach;
  readonly freshMs: number;
}

export interface DeliveringNode {
  readonly broker: { statistics(): { readonly delivered: number } } | null;
}

/** From one good check on. */
interface Watched {
  readonly verifiedBeganMs: number;
  /** When it became too old; null before. */
  deliveredByThen: number | null;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #watched = new Map<NodeView, Watched>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** What the main thread did until now is done. */
  judge(node: DeliveringNode, view: NodeView): void {
    const deliveredByThen = this.#watched.get(view)?.deliveredByThen ?? null;
    if (deliveredByThen === null) return;
    const count = deliveredBy(node) - deliveredByThen;
    if (count <= 0) return;
    const { onBreach, freshMs } = this.#options;
    onBreach(
      'P3',
      `${view.name} delivered ${count} messages though its last good ownership check had begun more than ${freshMs} ms before`,
    );
  }

  /** It may have heard of a newer check. */
  watch(node: DeliveringNode, view: NodeView): void {
    const { epoch, verifiedBeganMs, monotonicMs } = view;
    if (epoch === null || this.#watched.get(view)?.verifiedBeganMs === verifiedBeganMs) return;
    const watched: Watched = { verifiedBeganMs, deliveredByThen: null };
    this.#watched.set(view, watched);
    const delayMs = verifiedBeganMs + this.#options.freshMs + ROUNDING_MS - monotonicMs;
    view.process.scheduler.schedule(delayMs, () => {
      if (this.#watched.get(view) === watched) watched.deliveredByThen = deliveredBy(node);
    });
  }

  /** Nothing leaves this node any more. */
  ended(node: DeliveringNode, view: NodeView): void {
    this.judge(node, view);
    this.#watched.delete(view);
  }
}

function deliveredBy({ broker }: DeliveringNode): number {
  return broker?.statistics().delivered ?? 0;
}
