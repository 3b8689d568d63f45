/** What `holdfast handover` does to a store, for tools that look at it with `truth`. */
import type { FileSystem } from '../../../src/platform/ports.js';
import { readHandoverRequest, writeHandoverRequest } from '../../../src/store/known-documents.js';
import type { StoreLayout } from '../../../src/store/layout.js';

export interface HandoverWish {
  readonly requestId: string;
  /** The node that shall become live, or null for any that is ready. */
  readonly to: string | null;
  readonly wallMs: number;
}

/** The store must have been initialised. */
export async function requestHandover(
  truth: FileSystem,
  layout: StoreLayout,
  wish: HandoverWish,
): Promise<void> {
  await writeHandoverRequest(truth, layout, {
    requestId: wish.requestId,
    to: wish.to,
    requestedAtMs: wish.wallMs,
    requestedBy: 'the simulation',
    outcome: null,
  });
}

/** Null while the live node has not answered. */
export async function handoverOutcome(
  truth: FileSystem,
  layout: StoreLayout,
  requestId: string,
): Promise<{ readonly accepted: boolean; readonly reason: string } | null> {
  const request = await readHandoverRequest(truth, layout);
  return request?.requestId === requestId ? request.outcome : null;
}
