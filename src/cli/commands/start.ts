/** `holdfast start`: one node, in the foreground, until it is told to stop or its tenure ends. */

import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { GivenValue } from '../../config/configuration-file.js';
import { CONFIG_FILE_VARIABLE, loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { RunNodeOptions } from '../../node/run-node.js';
import { HoldfastError, messageOf } from '../../platform/errors.js';
import type { Logger } from '../../platform/logger.js';
import { packageVersion } from '../../platform/node/version.js';
import { usageError } from '../arguments.js';
import { defineCommand, STORE_OPTION } from '../command.js';
import { EXIT, EXIT_CODE_OF_ERROR, type ExitCode } from '../exit-codes.js';
import { createLogger } from '../log.js';

/** Without its parent a node of `holdfast pair` has nobody left to stop it, so it may not take long. */
const ORPHAN_STOP_LIMIT_MS = 3_000;

const STORAGE_THREAD = new URL('../../node/storage-thread.js', import.meta.url);

type GivenFlags = { readonly [flag: string]: unknown };

/** Which setting each flag gives. */
const SETTING_OF_FLAG = {
  store: 'store',
  name: 'name',
  stomp: 'stomp.listen',
  amqp: 'amqp.listen',
  admin: 'admin.listen',
  'log-level': 'log.level',
  'log-format': 'log.format',
  'allow-anonymous': 'allowAnonymous',
} as const;

export const command = defineCommand({
  options: {
    store: STORE_OPTION,
    name: {
      type: 'string',
      requiresArg: true,
      description: 'Name of this node; default: the host name',
    },
    stomp: {
      type: 'string',
      requiresArg: true,
      description: '[HOST:]PORT to serve STOMP on; default: 127.0.0.1:61613; 0 takes a free port',
    },
    amqp: {
      type: 'string',
      requiresArg: true,
      description: '[HOST:]PORT to serve AMQP 1.0 on, usually 5672; default: not served',
    },
    admin: {
      type: 'string',
      requiresArg: true,
      description:
        '[HOST:]PORT for the console, the API, metrics and health checks, over HTTP; default: 127.0.0.1:8161, or a free port',
    },
    config: {
      type: 'string',
      requiresArg: true,
      description: 'YAML file with settings; also HOLDFAST_CONFIG',
    },
    'log-level': {
      type: 'string',
      requiresArg: true,
      description: 'trace, debug, info, warn, error or silent; default: info',
    },
    'log-format': {
      type: 'string',
      requiresArg: true,
      description: 'text, or json for one JSON object per line; default: text',
    },
    'allow-anonymous': {
      type: 'boolean',
      description: 'Serve other hosts although no users are configured',
    },
    'stop-with-parent': { type: 'boolean', hidden: true },
  },
  positionals: {},
  examples: [
    ['start --store /srv/holdfast', 'Serve this machine on port 61613'],
    ['start --store /srv/holdfast --name b --stomp 61614', 'A second node beside it'],
    ['start --config /etc/holdfast.yaml --log-format json', 'As a service'],
  ],
  epilogue:
    'SIGTERM and SIGINT stop the node; the live node hands over to a ready backup first. SIGHUP reads the configuration again. Every setting: docs/configuration.md.',
  run: (given) => start(given, STORAGE_THREAD),
});

/** Runs a node with the values of this command's options, to its end. */
export async function start(given: GivenFlags, storageThread: URL): Promise<ExitCode> {
  const config = await readConfig(given);
  const logger = createLogger({ log: config.log, node: config.name });
  const version = packageVersion();
  warnOfFirstProcess(logger);
  try {
    const source = {
      file: configurationFile(given),
      read: () => readConfig(given),
      use: (changed: Config) => logger.setLevel(changed.log.level),
    };
    const options = { config, logger, version, storageThread, source };
    await runUntilEnd(options, given['stop-with-parent'] === true);
    return EXIT.ok;
  } catch (error) {
    if (config.log.format === 'text' || !(error instanceof HoldfastError)) {
      throw error;
    }
    logger.error('node-failed', { code: error.code }, error.message);
    return EXIT_CODE_OF_ERROR[error.code];
  }
}

/** Throws what ended the node, unless it was told to stop. */
async function runUntilEnd(options: RunNodeOptions, stopWithParent: boolean): Promise<void> {
  const { logger } = options;
  // Loaded late, so that help and refused settings do not wait for it.
  const { runNode } = await import('../../node/run-node.js');
  const node = await runNode(options);
  const stop = (): void => {
    node.stop().catch((error: unknown) => {
      logger.error('stop-failed', {}, `Stopping failed: ${messageOf(error)}`);
      process.exit(EXIT.failed);
    });
  };
  let interrupted = false;
  process.on('SIGTERM', stop);
  process.on('SIGHUP', () => node.reload());
  process.on('SIGINT', () => {
    if (interrupted) {
      process.exit(EXIT.interrupted);
    }
    interrupted = true;
    stop();
  });
  if (stopWithParent) {
    stopWhenParentIsGone(stop);
  }
  const end = await node.ended;
  if (end.exitCodeReason !== null) {
    throw new HoldfastError(end.exitCodeReason, end.sentence);
  }
  logger.info('node-stopped', {}, end.sentence);
}

/** A node whose threads hang kills itself, which the kernel does not let process 1 of a container do. */
function warnOfFirstProcess(logger: Logger): void {
  if (process.pid !== 1) return;
  logger.warn(
    'first-process',
    {},
    'This node is the first process of its container and cannot kill itself when its store hangs: ' +
      'put an init before it, such as tini, or docker run --init.',
  );
}

/** The parent holds the other end of an IPC channel, which closes however the parent dies. */
function stopWhenParentIsGone(stop: () => void): void {
  const onParentGone = (): void => {
    setTimeout(() => process.exit(EXIT.failed), ORPHAN_STOP_LIMIT_MS);
    stop();
  };
  if (process.connected) {
    process.on('disconnect', onParentGone);
  } else {
    onParentGone();
  }
}

/** Null when there is none. */
function configurationFile(given: GivenFlags): string | null {
  const name = given.config ?? process.env[CONFIG_FILE_VARIABLE];
  return typeof name === 'string' && name !== '' ? name : null;
}

async function readConfig(given: GivenFlags): Promise<Config> {
  const fileName = configurationFile(given);
  return loadConfig({
    hostName: hostname(),
    file: fileName === null ? null : { name: fileName, text: await readText(fileName) },
    environment: process.env,
    flags: Object.entries(SETTING_OF_FLAG).flatMap(([flag, path]): GivenValue[] =>
      given[flag] === undefined ? [] : [{ path, value: given[flag], source: `--${flag}` }],
    ),
  });
}

async function readText(name: string): Promise<string> {
  try {
    return await readFile(name, 'utf8');
  } catch (error) {
    throw usageError(`The configuration file ${name} cannot be read: ${messageOf(error)}.`);
  }
}
