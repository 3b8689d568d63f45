/** `holdfast handover`: asks the live node to hand the live role over, through the store or through a node's admin API. */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeReport } from '../../node/node-report.js';
import { HoldfastError } from '../../platform/errors.js';
import { nodeFileSystem } from '../../platform/node/file-system.js';
import type { HandoverRequest, LiveDocument } from '../../store/documents.js';
import { readHandoverRequest, writeHandoverRequest } from '../../store/known-documents.js';
import { type StoreLayout, storeLayout } from '../../store/layout.js';
import { ADMIN_OPTIONS, findAdmin, type GivenAdmin } from '../admin/find-admin.js';
import { requireSeconds } from '../arguments.js';
import { defineCommand, requireStore } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { findHandoverObstacle } from '../handover-rules.js';
import { servingLive } from '../status/status-rules.js';
import { OBSERVE_OTHER_HOSTS_MS, openStoreReader } from '../status/store-reader.js';
import { durationText } from '../text.js';

const POLL_INTERVAL_MS = 20;

export const command = defineCommand({
  options: {
    ...ADMIN_OPTIONS,
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
    ['handover --node broker-1:8161 --user ann', 'From a host that does not mount the store'],
  ],
  epilogue:
    'Nothing is lost and nothing is sent twice by it. Whoever may write the store may order it through the store; with --node or --user a node is asked, which looks at the right to manage everything and logs the user. Ends with 3 and a reason when it is refused, with 4 when nobody is live.',
  async run({ to = null, timeout, ...given }) {
    const timeoutMs = requireSeconds('timeout', timeout);
    const isForNode = [given.node, given.user, given['password-file']].some(
      (option) => option !== undefined,
    );
    const order = isForNode || given['password-stdin'] ? orderFromNode : orderThroughStore;
    const { before, startedAtMs, look } = await order(given, to, timeoutMs);
    const after = await waitForSuccessor(look, before, startedAtMs + timeoutMs);
    const took = durationText(performance.now() - startedAtMs);
    process.stdout.write(
      `${after.node} on ${after.host} is live in epoch ${after.epoch}; the handover from ${before.node} took ${took}.\n`,
    );
    return EXIT.ok;
  },
});

type Live = Pick<LiveDocument, 'node' | 'host' | 'epoch'>;

/** A handover that was accepted. */
interface Accepted {
  readonly before: Live;
  readonly startedAtMs: number;
  /** Who serves now; null for nobody. */
  readonly look: () => Promise<Live | null>;
}

/** What can be refused from the store alone is refused before anything is written. */
async function orderThroughStore(
  { store: given }: GivenAdmin,
  to: string | null,
  timeoutMs: number,
): Promise<Accepted> {
  const store = requireStore(given);
  const reader = openStoreReader(store);
  const layout = storeLayout(store);
  const status = await reader.read(OBSERVE_OTHER_HOSTS_MS);
  const before = servingLive(status);
  const obstacle = findHandoverObstacle(status, to);
  if (before === null || obstacle !== null) throw obstacle ?? nobodyLive();
  const request = makeRequest(to);
  const startedAtMs = performance.now();
  await writeHandoverRequest(nodeFileSystem, layout, request);
  await waitForAcceptance(layout, request, startedAtMs + timeoutMs);
  return { before, startedAtMs, look: async () => servingLive(await reader.read(0)) };
}

async function orderFromNode(given: GivenAdmin, to: string | null): Promise<Accepted> {
  const admin = await findAdmin(given);
  const look = async (): Promise<Live | null> => {
    const { live } = await admin.call<NodeReport>('GET', ['node']);
    return live?.state === 'live' ? live : null;
  };
  const before = await look();
  if (before === null) throw nobodyLive();
  const startedAtMs = performance.now();
  await admin.call('POST', ['handover'], { body: to === null ? {} : { to } });
  return { before, startedAtMs, look };
}

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
  await withdraw(layout, request);
  throw refused(
    'The live node did not answer the request in time, so it was withdrawn; see holdfast status, and the log of that node.',
  );
}

/** A request that nobody waits for any more would move the live role later, when nobody expects it. */
async function withdraw(layout: StoreLayout, request: HandoverRequest): Promise<void> {
  const current = await readHandoverRequest(nodeFileSystem, layout);
  if (current?.requestId !== request.requestId || current.outcome !== null) return;
  const outcome = { accepted: false, reason: 'withdrawn, because nobody answered in time' };
  await writeHandoverRequest(nodeFileSystem, layout, { ...request, outcome });
}

async function waitForSuccessor(
  look: Accepted['look'],
  before: Live,
  deadlineMs: number,
): Promise<Live> {
  while (performance.now() < deadlineMs) {
    const live = await look();
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

function nobodyLive(): HoldfastError {
  return new HoldfastError('NOBODY_LIVE', 'No node is live.');
}

function refused(reason: string): HoldfastError {
  return new HoldfastError('HANDOVER_REFUSED', reason);
}
