/** What a scrape gets: everything is read when it is asked for, and nothing is counted for it but what is counted anyway. */

import type { NodeFigures } from '../../node/node-figures.js';
import type { NodeReport } from '../../node/node-report.js';
import type { ProcessFigures } from '../../platform/node/process-figures.js';
import { BACKUP_METRICS, LIVE_METRICS, NODE_METRICS } from './catalog.js';
import { Exposition, type ExpositionFormat, labelText, type Sample } from './exposition.js';
import { QueueMetrics } from './queue-metrics.js';

const ROLES = Object.keys({
  joining: true,
  backup: true,
  'taking-over': true,
  live: true,
  'handing-over': true,
  fenced: true,
  stopped: true,
} satisfies Record<NodeReport['role'], true>);

export interface MetricsPageOptions {
  /** Queues and durable subscriptions with series of their own. */
  readonly maxQueues: number;
  readonly wallMs: () => number;
  readonly node: () => NodeFigures;
  readonly process: () => ProcessFigures;
  /** Of each listener with TLS, until when its certificate is valid: milliseconds since 1970. */
  readonly certificateEnds: () => ReadonlyMap<string, number>;
}

export class MetricsPage {
  readonly #options: MetricsPageOptions;
  readonly #queues: QueueMetrics;

  constructor(options: MetricsPageOptions) {
    this.#options = options;
    this.#queues = new QueueMetrics(options.maxQueues);
  }

  render(format: ExpositionFormat): string {
    const page = new Exposition(format);
    const figures = this.#options.node();
    writeNode(page, figures);
    writeCertificates(page, this.#options.certificateEnds());
    writeProcess(page, this.#options.process());
    if (figures.report.role === 'backup') {
      page.one(BACKUP_METRICS.lagBytes, figures.store.lagBytes);
    }
    if (figures.broker !== null) {
      writeOwnership(page, figures);
      writeBroker(page, figures.broker);
      this.#queues.write(page, figures.broker, this.#options.wallMs());
    }
    if (figures.journal !== null) writeJournal(page, figures.journal);
    return page.end();
  }
}

function writeNode(page: Exposition, figures: NodeFigures): void {
  const { report, store } = figures;
  const { node, host, version, storeSilence } = report;
  page.many(NODE_METRICS.info, [[labelText({ node, host, version }), 1]]);
  page.many(
    NODE_METRICS.role,
    ROLES.map((role): Sample => [labelText({ role }), role === report.role ? 1 : 0]),
  );
  page.one(NODE_METRICS.epoch, report.epoch);
  page.one(NODE_METRICS.storeSilence, (storeSilence?.silentMs ?? 0) / 1_000);
  page.one(NODE_METRICS.lockPolls, store.lockPolls);
  page.many(
    NODE_METRICS.connections,
    [...figures.connections].map(([protocol, count]): Sample => [labelText({ protocol }), count]),
  );
  page.one(NODE_METRICS.freeBytes, store.freeBytes);
  page.one(NODE_METRICS.minFreeBytes, figures.minFreeBytes);
  page.histogram(NODE_METRICS.confirmationTimes, figures.confirmationTimes);
  page.histogram(NODE_METRICS.writeTimes, figures.writeTimes);
  page.one(NODE_METRICS.appendedBytes, figures.appendedBytes);
}

function writeCertificates(page: Exposition, ends: ReadonlyMap<string, number>): void {
  if (ends.size === 0) return;
  page.many(
    NODE_METRICS.certificateEnd,
    [...ends].map(([listener, endMs]): Sample => [labelText({ listener }), endMs / 1_000]),
  );
}

function writeProcess(page: Exposition, figures: ProcessFigures): void {
  page.histogram(NODE_METRICS.eventLoopDelay, figures.eventLoopDelay);
  page.one(NODE_METRICS.startedAt, figures.startedAtSeconds);
  page.one(NODE_METRICS.cpu, figures.cpuSeconds);
  page.one(NODE_METRICS.residentBytes, figures.residentBytes);
  page.one(NODE_METRICS.heapUsedBytes, figures.heapUsedBytes);
  page.one(NODE_METRICS.heapTotalBytes, figures.heapTotalBytes);
  page.one(NODE_METRICS.externalBytes, figures.externalBytes);
}

function writeOwnership(page: Exposition, { report }: NodeFigures): void {
  const { verifiedAgoMs, confirms, producersHeld, peers } = report;
  const backups = peers.filter(({ running, ready }) => running && ready);
  page.one(LIVE_METRICS.verifiedAge, verifiedAgoMs === null ? null : verifiedAgoMs / 1_000);
  page.one(LIVE_METRICS.confirms, confirms ? 1 : 0);
  page.one(LIVE_METRICS.producersHeld, producersHeld === null ? 0 : 1);
  page.one(LIVE_METRICS.backupsReady, backups.length);
}

function writeBroker(page: Exposition, broker: NonNullable<NodeFigures['broker']>): void {
  page.one(LIVE_METRICS.messages, broker.messages);
  page.one(LIVE_METRICS.messageBytes, broker.bytes);
  page.one(LIVE_METRICS.memoryMessageBytes, broker.memoryBytes);
  page.one(LIVE_METRICS.indexBytes, broker.indexBytes);
  page.one(LIVE_METRICS.queues, broker.queues.length);
  page.one(LIVE_METRICS.sessions, broker.sessions);
  page.one(LIVE_METRICS.sent, broker.sent);
  page.one(LIVE_METRICS.delivered, broker.delivered);
  page.one(LIVE_METRICS.acknowledged, broker.acknowledged);
  page.one(LIVE_METRICS.failed, broker.failed);
  page.one(LIVE_METRICS.expired, broker.expired);
  page.one(LIVE_METRICS.deadLettered, broker.deadLettered);
  page.one(LIVE_METRICS.duplicates, broker.duplicates);
}

function writeJournal(page: Exposition, journal: NonNullable<NodeFigures['journal']>): void {
  page.one(LIVE_METRICS.journalBytes, journal.bytes);
  page.one(LIVE_METRICS.journalNeededBytes, journal.neededBytes);
  page.one(LIVE_METRICS.journalSegments, journal.segments);
  page.one(LIVE_METRICS.checkpointBytes, journal.checkpointBytes);
  page.one(LIVE_METRICS.bytesSinceCheckpoint, journal.bytesSinceCheckpoint);
  page.one(LIVE_METRICS.checkpoints, journal.checkpoints);
  page.one(LIVE_METRICS.deletedSegments, journal.deletedSegments);
  page.one(LIVE_METRICS.compactedSegments, journal.compactedSegments);
  page.one(LIVE_METRICS.relocatedBytes, journal.relocatedBytes);
}
