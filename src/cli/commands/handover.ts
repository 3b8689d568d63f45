/**
 * `holdfast handover`: asks the live node, through the store, to hand the live role over. What can
 * be refused from the store alone is refused before anything is written.
 */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../platform/errors.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import type { HandoverRequest, LiveDocument } from '../../store/documents.js';
import { readHandoverRequest, writeHandoverRequest } from '../../store/known-documents.js';
import { type StoreLayout, storeLayout } from '../../store/layout.js';
import { defineCommand, requireStore, STORE_OPTION } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { findHandoverObstacle } from '../handover-rules.js';
import { servingLive } from '../status/status-rules.js';
import {
  OBSERVE_OTHER_HOSTS_MS,
  openStoreReader,
  type StoreReader,
} from '../status/store-reader.js';
import { durationText } from '../text.js';

const POLL_INTERVAL_MS = 20;

export const command = defineCommand({
  options: {
    store: STORE_OPTION,
    to: {
      type: 'string',
      requiresArg: true,
      description: 'The node that shall be live; default: any ready backup',
    },
    timeout: {
      type: 'number',
      requiresArg: true,
      default: 30,
      description: 'Seconds to wait for the new live node',
    },
  },
  positionals: {},
  examples: [
    ['handover --store /srv/holdfast', 'Before maintenance of the live host'],
    ['handover --store /srv/holdfast --to b', 'Back to a certain node'],
  ],
  epilogue:
    'Nothing is lost and nothing is sent twice by it. Ends with 3 and a reason when it is refused, with 4 when nobody is live.',
  async run({ store: given, to, timeout }) {
    const store = requireStore(given);
    const reader = openStoreReader(store);
    const layout = storeLayout(store);
    const status = await reader.read(OBSERVE_OTHER_HOSTS_MS);
    const before = servingLive(status);
    const obstacle = findHandoverObstacle(status, to ?? null);
    if (before === null || obstacle !== null) {
      throw obstacle ?? new HoldfastError('NOBODY_LIVE', 'No node is live.');
    }
    const request = makeRequest(to ?? null);
    const startedAtMs = performance.now();
    const deadlineMs = startedAtMs + timeout * 1_000;
    await writeHandoverRequest(nodeFileSystem, layout, request);
    await waitForAcceptance(layout, request, deadlineMs);
    const after = await waitForSuccessor(reader, before, deadlineMs);
    const took = durationText(performance.now() - startedAtMs);
    process.stdout.write(
      `${after.node} on ${after.host} is live in epoch ${after.epoch}; the handover from ${before.node} took ${took}.\n`,
    );
    return EXIT.ok;
  },
});

function makeRequest(to: string | null): HandoverRequest {
  return {
    requestId: randomUUID(),
    to,
    requestedAtMs: Date.now(),
    requestedBy: `holdfast handover on ${hostname()}, pid ${process.pid}`,
    outcome: null,
  };
}

async function waitForAcceptance(
  layout: StoreLayout,
  request: HandoverRequest,
  deadlineMs: number,
): Promise<void> {
  while (performance.now() < deadlineMs) {
    const current = await readHandoverRequest(nodeFileSystem, layout);
    if (current !== null && current.requestId !== request.requestId) {
      throw refused(`Another handover request, by ${current.requestedBy}, replaced this one.`);
    }
    if (current !== null && current.outcome !== null) {
      if (!current.outcome.accepted) {
        throw refused(current.outcome.reason);
      }
      return;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  throw refused('The live node did not answer the request in time; see its log.');
}

async function waitForSuccessor(
  reader: StoreReader,
  before: LiveDocument,
  deadlineMs: number,
): Promise<LiveDocument> {
  while (performance.now() < deadlineMs) {
    const live = servingLive(await reader.read(0));
    if (live !== null && live.epoch > before.epoch) {
      if (live.node === before.node) {
        throw refused(`No backup took over in time, so ${live.node} went on as the live node.`);
      }
      return live;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  throw refused(
    `${before.node} agreed to hand over, but no other node went live in time; see holdfast status and the logs of the nodes.`,
  );
}

function refused(reason: string): HoldfastError {
  return new HoldfastError('HANDOVER_REFUSED', reason);
}
