/** Every metric there is, with what it means: the scrape and docs/metrics.md are made from it. */

import type { Metric } from './exposition.js';

const gauge = (name: string, help: string, ...labels: string[]): Metric => ({
  ...{ name, type: 'gauge', help, labels },
});
const counter = (name: string, help: string, ...labels: string[]): Metric => ({
  ...{ name, type: 'counter', help, labels },
});
const histogram = (name: string, help: string): Metric => ({
  ...{ name, type: 'histogram', help, labels: [] },
});

/** Told by every node, whatever its role is. */
export const NODE_METRICS = {
  info: gauge(
    'holdfast_node_info',
    'Always 1; the labels say who this node is',
    ...['node', 'host', 'version'],
  ),
  role: gauge('holdfast_role', '1 for the role that this node has, 0 for each other', 'role'),
  epoch: gauge('holdfast_epoch', 'Number of the tenure that this node serves or follows'),
  storeSilence: gauge(
    'holdfast_store_silence_seconds',
    'For how long the slowest call to the store has not been answered, when that is more than a second; else 0',
  ),
  lockPolls: counter('holdfast_lock_polls_total', 'Tries to get the election lock'),
  connections: gauge(
    'holdfast_connections',
    'Connections of clients, those that are passed on to the live node included',
    'protocol',
  ),
  certificateEnd: gauge(
    'holdfast_tls_certificate_expiry_timestamp_seconds',
    'When the certificate that the TLS port of this listener (stomp, amqp, admin) shows stops being valid, or the first of those behind it, in seconds since 1970',
    'listener',
  ),
  freeBytes: gauge('holdfast_store_free_bytes', 'Free bytes of the file system of the store'),
  minFreeBytes: gauge(
    'holdfast_store_free_minimum_bytes',
    'Below so many free bytes producers are held back (journal.minFreeBytes)',
  ),
  confirmationTimes: histogram(
    'holdfast_confirmation_seconds',
    'From the first message of a batch to the confirmation of the batch: on stable storage, and ownership verified. One observation for each batch',
  ),
  writeTimes: histogram(
    'holdfast_journal_write_seconds',
    'Synchronous write of a block to the journal. One observation for each block',
  ),
  appendedBytes: counter(
    'holdfast_journal_appended_bytes_total',
    'Bytes of the blocks that were appended to the journal',
  ),
  eventLoopDelay: histogram(
    'holdfast_event_loop_delay_seconds',
    'By how much a timer of the main thread was late; twenty observations a second',
  ),
  startedAt: gauge('process_start_time_seconds', 'When the process began, in seconds since 1970'),
  cpu: counter('process_cpu_seconds_total', 'Processor time of all threads, user and system'),
  residentBytes: gauge('process_resident_memory_bytes', 'Memory that the process occupies'),
  heapUsedBytes: gauge('nodejs_heap_size_used_bytes', 'Heap of the main thread that is in use'),
  heapTotalBytes: gauge('nodejs_heap_size_total_bytes', 'Heap of the main thread'),
  externalBytes: gauge(
    'nodejs_external_memory_bytes',
    'Buffers of the main thread, beside its heap',
  ),
} as const;

/** Told by a backup alone. */
export const BACKUP_METRICS = {
  lagBytes: gauge(
    'holdfast_backup_lag_bytes',
    'What this backup has still to read of the journal, as far as it knows; above 16 MiB it is not ready',
  ),
} as const;

/** Told by the live node alone, so that sums over all nodes count nothing twice. */
export const LIVE_METRICS = {
  verifiedAge: gauge(
    'holdfast_ownership_verified_age_seconds',
    'Since the last good ownership check began; nothing is confirmed above ownership.freshMs',
  ),
  confirms: gauge(
    'holdfast_confirms',
    '1 while ownership is verified and no confirmation has waited for longer than ownership.freshMs, else 0',
  ),
  producersHeld: gauge(
    'holdfast_producers_held',
    '1 while all producers are held back for want of room in the store, else 0',
  ),
  backupsReady: gauge('holdfast_backups_ready', 'Backups that run and could take over now'),
  messages: gauge('holdfast_messages', 'Messages in all queues'),
  messageBytes: gauge('holdfast_message_bytes', 'Their bytes, in the journal or in memory'),
  memoryMessageBytes: gauge(
    'holdfast_memory_message_bytes',
    'Bytes of non-durable messages, which are in memory only',
  ),
  indexBytes: gauge('holdfast_index_bytes', 'Memory of the index of all messages'),
  queues: gauge(
    'holdfast_queues',
    'Queues and subscriptions, temporary ones and those of topics included',
  ),
  sessions: gauge('holdfast_sessions', 'Clients that this node serves'),
  sent: counter(
    'holdfast_messages_sent_total',
    'Messages taken from producers; one for several queues counts once',
  ),
  delivered: counter('holdfast_messages_delivered_total', 'Messages handed to consumers'),
  acknowledged: counter(
    'holdfast_messages_acknowledged_total',
    'Messages that consumers have acknowledged',
  ),
  failed: counter('holdfast_deliveries_failed_total', 'Deliveries that failed'),
  expired: counter('holdfast_messages_expired_total', 'Messages whose time was over'),
  deadLettered: counter(
    'holdfast_messages_dead_lettered_total',
    'Messages that failed too often and became dead letters',
  ),
  duplicates: counter(
    'holdfast_messages_duplicate_total',
    'Messages that were not taken again, for their duplicate id was known',
  ),
  journalBytes: gauge(
    'holdfast_journal_bytes',
    'Bytes of the segments of the journal and of its newest checkpoint',
  ),
  journalNeededBytes: gauge(
    'holdfast_journal_needed_bytes',
    'Bytes of the journal that hold what is still stored; the rest is to be deleted or compacted',
  ),
  journalSegments: gauge('holdfast_journal_segments', 'Segments of the journal'),
  checkpointBytes: gauge('holdfast_journal_checkpoint_bytes', 'Bytes of the newest checkpoint'),
  bytesSinceCheckpoint: gauge(
    'holdfast_journal_bytes_since_checkpoint',
    'What a node that starts has to read of the journal after the newest checkpoint',
  ),
  checkpoints: counter('holdfast_journal_checkpoints_total', 'Checkpoints that were written'),
  deletedSegments: counter('holdfast_journal_segments_deleted_total', 'Segments that were deleted'),
  compactedSegments: counter(
    'holdfast_journal_segments_compacted_total',
    'Sparse segments that were emptied by appending again what lives in them',
  ),
  relocatedBytes: counter(
    'holdfast_journal_relocated_bytes_total',
    'Bytes that were appended again to empty sparse segments',
  ),
} as const;

const OF_QUEUE = ['queue', 'topic', 'subscription', 'client', 'group'] as const;

/** Of each queue and each durable subscription; told by the live node alone. */
export const QUEUE_METRICS = {
  messages: gauge('holdfast_queue_messages', 'Messages, with those delivered', ...OF_QUEUE),
  bytes: gauge('holdfast_queue_bytes', 'Their bytes', ...OF_QUEUE),
  ready: gauge('holdfast_queue_ready_messages', 'Messages that wait for a consumer', ...OF_QUEUE),
  unacknowledged: gauge(
    'holdfast_queue_unacknowledged_messages',
    'Messages that are with consumers and not acknowledged',
    ...OF_QUEUE,
  ),
  consumers: gauge('holdfast_queue_consumers', 'Consumers', ...OF_QUEUE),
  oldestAge: gauge(
    'holdfast_queue_oldest_message_age_seconds',
    'For how long the oldest message that is ready or unacknowledged has been in the queue; 0 when there is none',
    ...OF_QUEUE,
  ),
  arrived: counter(
    'holdfast_queue_messages_arrived_total',
    'Messages that producers sent to it, or that were moved there',
    ...OF_QUEUE,
  ),
  delivered: counter(
    'holdfast_queue_messages_delivered_total',
    'Messages handed to consumers',
    ...OF_QUEUE,
  ),
  redelivered: counter(
    'holdfast_queue_messages_redelivered_total',
    'Those of them that may have been delivered before',
    ...OF_QUEUE,
  ),
  failed: counter('holdfast_queue_deliveries_failed_total', 'Deliveries that failed', ...OF_QUEUE),
  acknowledged: counter(
    'holdfast_queue_messages_acknowledged_total',
    'Messages that consumers have acknowledged',
    ...OF_QUEUE,
  ),
  expired: counter(
    'holdfast_queue_messages_expired_total',
    'Messages whose time was over',
    ...OF_QUEUE,
  ),
  deadLettered: counter(
    'holdfast_queue_messages_dead_lettered_total',
    'Messages that failed too often here and became dead letters',
    ...OF_QUEUE,
  ),
} as const;

/** The table of docs/metrics.md. */
export function metricsTable(): string {
  const parts: readonly (readonly [string, Readonly<Record<string, Metric>>])[] = [
    ['Every node', NODE_METRICS],
    ['A backup', BACKUP_METRICS],
    ['The live node', LIVE_METRICS],
    ['The live node, of each queue and durable subscription', QUEUE_METRICS],
  ];
  return parts
    .map(([title, metrics]) => {
      const rows = Object.values(metrics).map(({ name, type, help }) =>
        `| `.concat('`', name, '`', ` | ${type} | ${help} |`),
      );
      return [`### ${title}`, '', '| metric | type | |', '|---|---|---|', ...rows, ''].join('\n');
    })
    .join('\n');
}
