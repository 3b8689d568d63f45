/** What differs between the configuration that a node runs with and one that was read anew. */
import type { Config } from './schema.js';
import { ADDRESSES, SETTINGS } from './settings.js';

/** Settings that a running node takes; every other one waits for its next start. */
const TAKEN_WHILE_RUNNING: readonly RegExp[] = [/^log\.level$/, /^hooks\./, /^addresses$/];

export interface ConfigChanges {
  /** The running one with the changes that a running node takes. */
  readonly config: Config;
  /** Paths of settings, as `log.level`. */
  readonly taken: readonly string[];
  readonly needRestart: readonly string[];
}

export function changesOf(running: Config, read: Config): ConfigChanges {
  const paths = [ADDRESSES, ...SETTINGS.map(({ path }) => path)];
  const changed = paths.filter((path) => describe(running, path) !== describe(read, path));
  const isTaken = (path: string): boolean => TAKEN_WHILE_RUNNING.some((each) => each.test(path));
  const log = { ...running.log, level: read.log.level };
  return {
    config: { ...running, log, hooks: read.hooks, addresses: read.addresses },
    taken: changed.filter(isTaken),
    needRestart: changed.filter((path) => !isTaken(path)),
  };
}

function describe(config: Config, path: string): string {
  const value = path
    .split('.')
    .reduce<unknown>((object, key) => (object as { [key: string]: unknown })[key], config);
  return JSON.stringify(value) ?? '';
}
