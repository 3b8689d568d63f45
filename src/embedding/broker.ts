/**
 * A node inside of somebody else's process: what `import { Broker } from 'holdfast'` gives. It is the node
 * that `holdfast start` runs, with the same settings, without signal handlers, environment variables and
 * output of its own (docs/embedding.md).
 */
import { EventEmitter } from 'node:events';
import type * as v from 'valibot';
import type { AddressRule } from '../config/address-rules.js';
import { readConfigurationObject } from '../config/configuration-file.js';
import { loadConfig } from '../config/load.js';
import type { Config, ConfigSchema } from '../config/schema.js';
import type { RoleChange } from '../hooks/role-hooks.js';
import { type RunningNode, runNode } from '../node/run-node.js';
import type { Role } from '../ownership/role.js';
import { type ErrorCode, HoldfastError, messageOf } from '../platform/errors.js';
import type { LogFields, Logger } from '../platform/logger.js';
import { readHostIdentity } from '../platform/node/host-identity.js';
import { packageVersion } from '../platform/node/version.js';
import type { Addresses } from '../store/documents.js';

export type { Addresses, ErrorCode, LogFields, Logger, Role, RoleChange };
export { HoldfastError };

const STORAGE_THREAD = new URL('../node/storage-thread.js', import.meta.url);
/** Stands in sentences about wrong settings where a file's name would. */
const SETTINGS_SOURCE = 'the settings of the Broker';

type GivenSettings = Omit<v.InferInput<typeof ConfigSchema>, 'addresses' | 'store'>;
type AddressSettings = Omit<v.InferInput<typeof AddressRule>, 'pattern'>;

/** As in the configuration file (docs/configuration.md). `log` is of no use here: the logger decides. */
export type BrokerSettings = {
  readonly [Section in keyof GivenSettings]?: GivenSettings[Section];
} & {
  /** The directory that all nodes share. */
  readonly store: string;
  /** By patterns of names. */
  readonly addresses?: { readonly [pattern: string]: AddressSettings };
};

export interface BrokerOptions {
  readonly settings: BrokerSettings;
  /** What the node says of itself; left out, it is silent. */
  readonly logger?: Logger;
}

export interface BrokerEnd {
  /** Why the node ended by itself; null when it was told to stop. */
  readonly code: ErrorCode | null;
  /** A sentence for the operator. */
  readonly reason: string;
}

export interface BrokerEvents {
  /** The role of this node has changed. */
  role: [RoleChange];
  /** This node serves nobody any more, and holds nothing of the store; once, and after `start` alone. */
  ended: [BrokerEnd];
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Starts once and ends once; for another run there is another Broker. */
export class Broker extends EventEmitter<BrokerEvents> {
  readonly #config: Config;
  readonly #logger: Logger;
  #starting: Promise<RunningNode> | null = null;
  #running: RunningNode | null = null;
  #role: Role = 'joining';

  /** @throws HoldfastError CONFIG_INVALID or ADDRESS_EXPOSED, with the setting that is wrong and what it may be. */
  constructor({ settings, logger = SILENT }: BrokerOptions) {
    super();
    this.#logger = logger;
    this.#config = loadConfig({
      hostName: readHostIdentity().host,
      file: null,
      environment: {},
      flags: readConfigurationObject(settings, SETTINGS_SOURCE),
    });
  }

  /** Of this node: `settings.name`, or the host name. */
  get name(): string {
    return this.#config.name;
  }

  get role(): Role {
    return this.#role;
  }

  /** HOST:PORT that clients reach each listener at, by protocol; empty before `start` has resolved. */
  get addresses(): Addresses {
    return this.#running?.report().addresses ?? {};
  }

  /**
   * Resolves when the listeners are bound, with the role `joining`; the node goes on to be a backup, or live.
   *
   * @throws HoldfastError when the store, its file system or a listener cannot be had; nothing is left behind.
   */
  async start(): Promise<void> {
    if (this.#starting !== null) throw new Error(`The broker ${this.name} was started before.`);
    this.#starting = runNode({
      config: this.#config,
      logger: this.#logger,
      version: packageVersion(),
      storageThread: STORAGE_THREAD,
      onRole: (change) => this.#onRole(change),
    });
    const running = await this.#starting;
    this.#running = running;
    const tellEnd = (end: BrokerEnd): void => this.#tell(() => this.emit('ended', end));
    running.ended.then(
      ({ exitCodeReason, sentence }) => tellEnd({ code: exitCodeReason, reason: sentence }),
      // Nobody else waits for it, and a rejection that nobody takes would end the whole program.
      (error: unknown) => tellEnd({ code: 'UNEXPECTED', reason: messageOf(error) }),
    );
  }

  /**
   * Hands over when it is live and a backup is ready, confirms what it has taken, and ends. Resolves when
   * it has ended, by this or before. Nothing happens before `start`.
   */
  async stop(): Promise<void> {
    if (this.#starting === null) return;
    // A start that failed has told of it itself.
    const running = await this.#starting.catch(() => null);
    await running?.stop();
  }

  #onRole(change: RoleChange): void {
    this.#role = change.to;
    this.#tell(() => this.emit('role', change));
  }

  /** Outside of the node's own work: what a listener throws is its program's, and ends no node. */
  #tell(task: () => void): void {
    queueMicrotask(task);
  }
}
