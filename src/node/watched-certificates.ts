/** TLS of a running node: its certificate is read at the start, and again whenever its files change. */
import type { Config } from '../config/schema.js';
import { messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { type Credentials, readCredentials } from '../platform/node/certificates.js';
import { nodeClock } from '../platform/node/clock.js';
import { NodeTlsEndpoint, type TlsEndpointOptions } from '../platform/node/tls-endpoint.js';
import { watchFile } from '../platform/node/watch.js';
import type { Timer } from '../platform/ports.js';
import { SerialTask } from './serial-task.js';

const DAY_MS = 86_400_000;
/** From then on the log asks for another one, each day. */
const RENEWAL_DAYS = 14;
const ADMIN_HANDSHAKE_TIMEOUT_MS = 10_000;

/** Null: no listener is for TLS. */
export async function watchCertificates(
  config: Config,
  logger: Logger,
  onRefused: TlsEndpointOptions['onRefused'],
): Promise<WatchedCertificates | null> {
  const { certificate, key, authority, revocationList } = config.tls;
  if (certificate === undefined || key === undefined) return null;
  const files = { certificate, key, authority, revocationList };
  const read = (): Promise<Credentials> => readCredentials(files, nodeClock.wallMs());
  const paths = Object.values(files).filter((path) => path !== undefined);
  return new WatchedCertificates({ config, logger, onRefused, read, paths }, await read());
}

interface Watching {
  readonly config: Config;
  readonly logger: Logger;
  readonly onRefused: TlsEndpointOptions['onRefused'];
  readonly read: () => Promise<Credentials>;
  readonly paths: readonly string[];
}

export class WatchedCertificates {
  /** By the section of the configuration. */
  readonly endpoints: ReadonlyMap<string, NodeTlsEndpoint>;
  readonly #watching: Watching;
  readonly #watchers: readonly { close(): Promise<void> }[];
  readonly #reloads = new SerialTask(() => this.#reload());
  #credentials: Credentials;
  /** The last look found files that are of no use: their mending is told, whatever it changes. */
  #wasRefused = false;
  #timer: Timer | null = null;

  constructor(watching: Watching, credentials: Credentials) {
    this.#watching = watching;
    this.#credentials = credentials;
    this.endpoints = makeEndpoints(watching, credentials);
    this.#tell('certificates-read', 'This node is');
    this.#watchers = watching.paths.map((path) => watchFile(path, () => void this.#reloads.run()));
    this.#remind();
  }

  /** As it is now. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Of each listener with TLS, until when its certificate is valid: milliseconds since 1970. */
  ends(): ReadonlyMap<string, number> {
    const { validUntilMs } = this.#credentials;
    return new Map([...this.endpoints.keys()].map((section) => [section, validUntilMs]));
  }

  /** Waits for a look at the files that is under way. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const endpoint of this.endpoints.values()) endpoint.destroy();
    await Promise.all(this.#watchers.map((watcher) => watcher.close()));
    await this.#reloads.idle();
  }

  async #reload(): Promise<void> {
    const { logger, paths, read } = this.#watching;
    try {
      const credentials = await read();
      if (isSame(credentials, this.#credentials)) {
        if (this.#wasRefused) this.#tell('certificates-changed', 'The files are as before again:');
        this.#wasRefused = false;
        return;
      }
      for (const endpoint of this.endpoints.values()) endpoint.use(credentials);
      this.#credentials = credentials;
      this.#wasRefused = false;
      this.#tell('certificates-changed', 'Connections that are made from now on see the change:');
    } catch (error) {
      this.#wasRefused = true;
      const sentence = `The certificate of before stays in use, for the files are of no use now. ${messageOf(error)}`;
      logger.error('certificates-refused', { paths }, sentence);
    }
  }

  #tell(event: string, beginning: string): void {
    const { subject, validUntilMs } = this.#credentials;
    const until = new Date(validUntilMs).toISOString();
    const sentence = `${beginning} ${subject}, valid until ${until}`;
    this.#watching.logger.info(event, { subject, validUntil: until }, sentence);
  }

  #remind(): void {
    const { subject, validUntilMs } = this.#credentials;
    const leftDays = Math.floor((validUntilMs - nodeClock.wallMs()) / DAY_MS);
    if (leftDays < RENEWAL_DAYS) {
      const when = leftDays < 0 ? 'has expired' : `expires in ${leftDays} days`;
      const sentence = `The certificate of ${subject} ${when}: put another one into its files (docs/runbook.md).`;
      this.#watching.logger.warn('certificate-expires', { subject, leftDays }, sentence);
    }
    this.#timer = nodeClock.after(DAY_MS, () => this.#remind());
  }
}

function makeEndpoints(
  { config, onRefused }: Watching,
  credentials: Credentials,
): ReadonlyMap<string, NodeTlsEndpoint> {
  const { minimumVersion } = config.tls;
  const { stomp, amqp, admin } = config;
  const served = [
    ['stomp', stomp, stomp.connectTimeoutMs],
    ['amqp', amqp, amqp.openTimeoutMs],
    ['admin', admin, ADMIN_HANDSHAKE_TIMEOUT_MS],
  ] as const;
  const endpoints = new Map<string, NodeTlsEndpoint>();
  for (const [section, { tlsListen, clientCertificates }, handshakeTimeoutMs] of served) {
    if (tlsListen === undefined) continue;
    const how = { credentials, clientCertificates, minimumVersion, handshakeTimeoutMs, onRefused };
    endpoints.set(section, new NodeTlsEndpoint(how));
  }
  return endpoints;
}

function isSame(one: Credentials, other: Credentials): boolean {
  return (
    one.certificate === other.certificate &&
    one.key === other.key &&
    one.authority === other.authority &&
    one.revocationList === other.revocationList
  );
}
