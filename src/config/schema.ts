/**
 * Every setting there is, in one place: the TypeScript type, the validation, the defaults and the
 * descriptions for `--help` and the documentation all come from this schema.
 */
import * as v from 'valibot';
import { AddressRule } from './address-rules.js';
import {
  Bytes,
  Choice,
  Count,
  facts,
  GIBIBYTE,
  LISTEN_ADDRESS,
  MEBIBYTE,
  Milliseconds,
  Text,
} from './setting-types.js';

const SHELL_COMMAND = 'a command for /bin/sh';

const ADVERTISE =
  'HOST:PORT that other nodes and `status` name; default: what was bound, with the host name for 0.0.0.0 and [::]';

/** Of a listener for TLS, beside the one without. `name`: what clients call the protocol then. */
const tlsListener = (name: string, usualPort: number) => ({
  tlsListen: v.exactOptional(
    Text(
      `[HOST:]PORT to serve ${name} on, which is the same over TLS (usually ${usualPort}); needs \`tls.certificate\`; port 0 takes a free one; default: not served`,
      LISTEN_ADDRESS,
    ),
  ),
  tlsAdvertise: v.exactOptional(Text(ADVERTISE, 'HOST:PORT')),
  clientCertificates: Choice(
    'Whether clients of `tlsListen` are asked for a certificate, which `tls.authority` must have signed; with `required` those without one are not served',
    'none',
    ['none', 'optional', 'required'],
  ),
});

const Stomp = v.strictObject({
  listen: v.optional(
    Text('[HOST:]PORT to serve STOMP on; port 0 takes a free one', LISTEN_ADDRESS),
    '127.0.0.1:61613',
  ),
  advertise: v.exactOptional(Text(ADVERTISE, 'HOST:PORT')),
  ...tlsListener('`stomp+ssl`', 61612),
  maxHeaderBytes: Bytes('All header lines of one frame', 64 * 1024, 1024, 16 * MEBIBYTE),
  maxHeaders: Count('Header lines of one frame', 256, 8, 10_000),
  maxBodyBytes: Bytes('Body of one frame', 16 * MEBIBYTE, 1024, 256 * MEBIBYTE),
  maxConnections: Count('Connections at one time', 12_000, 1, 1_000_000),
  connectTimeoutMs: Milliseconds('From accept to a whole CONNECT frame', 10_000, 100, 600_000),
  frameTimeoutMs: Milliseconds(
    'From the first byte of a frame to its last',
    60_000,
    100,
    3_600_000,
  ),
  heartbeatMs: Milliseconds(
    'Heart-beat that the broker offers in both directions',
    10_000,
    0,
    3_600_000,
  ),
  socketBufferMaxBytes: Bytes(
    'Waiting for one client that does not read; nothing more is delivered to it above, and a larger message goes out as it is taken',
    MEBIBYTE,
    65_536,
    GIBIBYTE,
  ),
});

const Amqp = v.strictObject({
  listen: v.exactOptional(
    Text(
      '[HOST:]PORT to serve AMQP 1.0 on (usually 5672); port 0 takes a free one; default: not served',
      LISTEN_ADDRESS,
    ),
  ),
  advertise: v.exactOptional(Text(ADVERTISE, 'HOST:PORT')),
  ...tlsListener('`amqps`', 5671),
  announceNodes: v.optional(
    v.pipe(
      v.boolean(),
      facts(
        'Tell clients the advertised addresses of the other nodes (`failover-server-list`). Qpid JMS then uses them instead of its own list, so clients must be able to reach them',
        { kind: 'boolean' },
      ),
    ),
    false,
  ),
  redirectToLive: v.optional(
    v.pipe(
      v.boolean(),
      facts(
        'A backup tells clients the advertised address of the live node (`amqp:connection:redirect`) instead of passing them through to it; clients must know what to do with that, as Qpid JMS does, and be able to reach it',
        { kind: 'boolean' },
      ),
    ),
    false,
  ),
  queuePrefixes: v.optional(
    Text(
      'What may stand before the name of a queue in an address, and is taken off; the longest that fits counts',
      'texts with commas between them',
    ),
    'queue://,/queue/',
  ),
  topicPrefixes: v.optional(
    Text(
      'The same before the name of a topic; an address without a prefix is a queue, unless its link says otherwise',
      'texts with commas between them',
    ),
    'topic://,/topic/',
  ),
  maxFrameBytes: Bytes('One frame, in both directions', 128 * 1024, 512, 16 * MEBIBYTE),
  maxMessageBytes: Bytes('One message', 16 * MEBIBYTE, 1024, 256 * MEBIBYTE),
  maxConnections: Count('Connections at one time', 12_000, 1, 1_000_000),
  maxSessions: Count('Sessions of one connection', 1_024, 1, 65_535),
  maxLinksPerSession: Count('Links of one session', 4_096, 1, 1_000_000),
  maxLinksPerConnection: Count('Links of all sessions of one connection', 10_000, 1, 1_000_000),
  maxUnsettledPerLink: Count(
    'Messages that one receiver has and did not settle; nothing more is delivered to it above',
    100_000,
    1,
    1_000_000,
  ),
  linkCredit: Count('Messages that a sender may have under way', 1_000, 1, 100_000),
  openTimeoutMs: Milliseconds('From accept to a whole open frame', 10_000, 100, 600_000),
  idleTimeoutMs: Milliseconds(
    'A client that sends nothing for twice as long is disconnected; 0: never',
    60_000,
    0,
    3_600_000,
  ),
  socketBufferMaxBytes: Bytes(
    'Waiting for one client that does not read; nothing more is delivered to it above, and a larger message goes out as it is taken',
    MEBIBYTE,
    65_536,
    GIBIBYTE,
  ),
});

const Admin = v.strictObject({
  listen: v.exactOptional(
    Text(
      '[HOST:]PORT to serve the console, the API, metrics and health checks on, over HTTP; port 0 takes a free one; default: 127.0.0.1:8161, or a free port when that is taken',
      LISTEN_ADDRESS,
    ),
  ),
  advertise: v.exactOptional(
    Text(
      'HOST:PORT that `status` asks; default: what was bound, with the host name for 0.0.0.0 and [::]',
      'HOST:PORT',
    ),
  ),
  ...tlsListener('HTTPS', 8162),
  metricsMaxQueues: Count(
    'Queues and durable subscriptions with metrics of their own; the others are summed up as one',
    1_000,
    0,
    100_000,
  ),
});

const Tls = v.strictObject({
  certificate: v.exactOptional(
    Text(
      'PEM file with the certificate that this node shows, and behind it those of authorities between it and one that clients know; read again when it changes (docs/security.md)',
      'the path of a file',
    ),
  ),
  key: v.exactOptional(
    Text(
      'PEM file with the private key of `tls.certificate`, without a passphrase; nobody but its owner and its group may read it',
      'the path of a file',
    ),
  ),
  authority: v.exactOptional(
    Text(
      'PEM file with the certificates of the authorities that sign those of clients; other nodes are known by them as well',
      'the path of a file',
    ),
  ),
  revocationList: v.exactOptional(
    Text(
      'PEM file with certificate revocation lists (CRL), one of each authority in `tls.authority`: clients whose certificate is on one are refused, and so are all of an authority whose list is missing or out of date; read again when it changes (docs/security.md)',
      'the path of a file',
    ),
  ),
  minimumVersion: Choice('Clients that only speak an older version are refused', 'TLSv1.2', [
    'TLSv1.2',
    'TLSv1.3',
  ]),
});

const SecuritySettings = v.strictObject({
  usersFile: v.exactOptional(
    Text(
      'File with the users, their roles and rights (docs/security.md); clients of every protocol must then log in; default: no users',
      'the path of a file',
    ),
  ),
});

const Ownership = v.strictObject({
  lockPollIntervalMs: Milliseconds('How often a backup tries the lock', 100, 1, 60_000),
  checkIntervalMs: Milliseconds(
    'How often the live node verifies that it still owns the store',
    250,
    10,
    60_000,
  ),
  freshMs: Milliseconds(
    'Confirmations need a verification that began less than this ago',
    2_000,
    100,
    60_000,
  ),
  storeStallLimitMs: Milliseconds(
    'A node that serves, takes over, hands over or stops exits when a call to the store was not answered for this long',
    30_000,
    1_000,
    3_600_000,
  ),
  statusIntervalMs: Milliseconds('How often a node rewrites its status file', 1_000, 50, 60_000),
  handoverTimeoutMs: Milliseconds(
    'How long a handover waits for the successor',
    10_000,
    100,
    600_000,
  ),
});

const Journal = v.strictObject({
  segmentBytes: Bytes(
    'Size of a preallocated segment file; a takeover reads the last one and the next, and copies the last',
    4 * MEBIBYTE,
    65_536,
    GIBIBYTE,
  ),
  slackBytes: Bytes(
    'By how much the journal may exceed twice what is needed of it, two segments at least; checkpoints, from which a node starts, are up to twice as far apart',
    32 * MEBIBYTE,
    0,
    GIBIBYTE,
  ),
  maxBatchBytes: Bytes(
    'What one journal block gathers at most, unless one transaction is larger',
    MEBIBYTE,
    4096,
    64 * MEBIBYTE,
  ),
  cacheBytes: Bytes('Message bodies kept in memory', 64 * MEBIBYTE, MEBIBYTE, 64 * GIBIBYTE),
  minFreeBytes: Bytes(
    'Producers are held back while the file system has less free',
    256 * MEBIBYTE,
    0,
    1024 * GIBIBYTE,
  ),
});

const Limits = v.strictObject({
  queueMaxMessages: Count(
    'A queue above it holds its producers back',
    10_000_000,
    1,
    1_000_000_000,
  ),
  queueMaxBytes: Bytes('The same in bytes', 1024 * GIBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  storeMaxMessages: Count(
    'All queues together above it hold every producer back',
    10_000_000,
    1,
    1_000_000_000,
  ),
  storeMaxBytes: Bytes('The same in bytes', 1024 * GIBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  maxQueues: Count('Queues and durable subscriptions', 10_000, 1, 1_000_000),
  maxTransactionBytes: Bytes('Messages of one transaction', 16 * MEBIBYTE, 1024, GIBIBYTE),
  maxTransactionsPerSession: Count('Open transactions of one connection', 100, 1, 100_000),
  maxSubscriptionsPerSession: Count('Subscriptions of one connection', 1_000, 1, 1_000_000),
  topicBacklogMaxBytes: Bytes(
    'Waiting for one topic subscriber without a durable subscription; above it is disconnected',
    16 * MEBIBYTE,
    1024,
    GIBIBYTE,
  ),
  memoryMaxBytes: Bytes(
    'Non-durable messages, and messages that are not written yet; above it producers are held back',
    128 * MEBIBYTE,
    MEBIBYTE,
    64 * GIBIBYTE,
  ),
  defaultPrefetch: Count(
    'Unacknowledged messages on their way to one subscriber',
    1_000,
    1,
    1_000_000,
  ),
  maxPrefetch: Count('The most a subscriber may ask for', 100_000, 1, 1_000_000),
  maxDeliveries: Count(
    'Failed deliveries after which a message goes to its dead-letter queue',
    10,
    1,
    65_535,
  ),
  transactionTimeoutMs: Milliseconds(
    'From the first message or settlement of a transaction to its end: one that takes longer is rolled back; 0: as long as it takes',
    0,
    0,
    86_400_000,
  ),
  redeliveryDelayMs: Milliseconds(
    'How long a message that failed waits for its next delivery',
    0,
    0,
    86_400_000,
  ),
  duplicateIdsPerAddress: Count(
    'Ids (`_AMQ_DUPL_ID`) by which each queue and topic knows messages that are sent again; 0: none is looked for',
    20_000,
    0,
    10_000_000,
  ),
  duplicateIdsMaxBytes: Bytes(
    'Memory for the ids of all addresses; above it the address that was least recently sent to with ids forgets its oldest',
    32 * MEBIBYTE,
    MEBIBYTE,
    64 * GIBIBYTE,
  ),
});

const Hooks = v.strictObject({
  onLive: v.exactOptional(
    Text('Run when this node has become live and serves (docs/hooks.md)', SHELL_COMMAND),
  ),
  onBackup: v.exactOptional(Text('Run when this node has become a backup', SHELL_COMMAND)),
  onFenced: v.exactOptional(
    Text(
      'Run when this node ends by itself: it was deposed, its store failed or did not answer',
      SHELL_COMMAND,
    ),
  ),
  onStop: v.exactOptional(
    Text('Run when this node was told to stop, before it ends', SHELL_COMMAND),
  ),
  timeoutMs: Milliseconds(
    'A hook that takes longer is killed, with everything that it started',
    10_000,
    100,
    600_000,
  ),
  fenceCommand: v.exactOptional(
    Text(
      "Run by a backup when the live node has been silent for `fenceAfterMs`, to power that node's host off or to end its NFS lease",
      SHELL_COMMAND,
    ),
  ),
  fenceAfterMs: Milliseconds(
    'How long the live node must have been silent, while the store answered this node, before `fenceCommand` is run',
    5_000,
    1_000,
    600_000,
  ),
});

const Log = v.strictObject({
  level: Choice('The least severe level that is written', 'info', [
    'trace',
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]),
  format: Choice('Lines for people, or one JSON object per line', 'text', ['text', 'json']),
});

export const ConfigSchema = v.strictObject({
  store: v.pipe(
    Text('The directory that all nodes share; must be given', 'the path of a directory'),
    v.nonEmpty(),
  ),
  name: v.pipe(
    Text(
      'This node, different from every other node of the store; default: the host name',
      'a letter or digit, followed by at most 62 letters, digits, dots, dashes or underscores',
    ),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  ),
  allowAnonymous: v.optional(
    v.pipe(
      v.boolean(),
      facts('Serve other hosts although no users are configured', { kind: 'boolean' }),
    ),
    false,
  ),
  stomp: Stomp,
  amqp: Amqp,
  admin: Admin,
  tls: Tls,
  security: SecuritySettings,
  ownership: Ownership,
  journal: Journal,
  limits: Limits,
  addresses: v.optional(v.array(AddressRule), []),
  hooks: Hooks,
  log: Log,
});

/** The whole configuration, validated and frozen by config/load.ts. */
export type Config = v.InferOutput<typeof ConfigSchema>;
