/**
 * The configuration of a running node: read again when its file changes, or when the node is told to.
 * One that is refused changes nothing.
 */
import { changesOf } from '../config/changes.js';
import type { Config } from '../config/schema.js';
import { messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { watchFile } from '../platform/node/watch.js';
import { SerialTask } from './serial-task.js';

/** Where a configuration came from. */
export interface ConfigurationSource {
  /**
   * Reads all of it again: file, environment and flags. It may take as long as the file system wants, and the
   * node goes on meanwhile. Rejects with CONFIG_INVALID and others.
   */
  read(): Promise<Config>;
  /** Watched for changes; null when there is none. */
  readonly file: string | null;
}

export interface ConfigurationReloadOptions {
  readonly source: ConfigurationSource;
  /** What the node was started with. */
  readonly config: Config;
  readonly logger: Logger;
  /** Takes the settings that a running node can take; the others are those of its start. */
  readonly use: (config: Config) => void;
}

export class ConfigurationReload {
  readonly #options: ConfigurationReloadOptions;
  readonly #watcher: { close(): Promise<void> } | null;
  readonly #looks = new SerialTask(() => this.#look());
  /** Since the last look began. */
  #wasAsked = false;
  #running: Config;
  /** The last look found a configuration that is refused: its mending is told, whatever it changes. */
  #wasRefused = false;
  /** What was said last of settings that need a restart, so that it is not said at each look. */
  #saidOfRestart = '';

  constructor(options: ConfigurationReloadOptions) {
    this.#options = options;
    this.#running = options.config;
    const { file } = options.source;
    this.#watcher = file === null ? null : watchFile(file, () => void this.#looks.run());
  }

  /** Whoever asks is told in the log, also that nothing has changed. */
  now(): void {
    this.#wasAsked = true;
    void this.#looks.run();
  }

  /** Waits for a look that is under way. */
  async close(): Promise<void> {
    await this.#watcher?.close();
    await this.#looks.idle();
  }

  async #look(): Promise<void> {
    const { source, logger, use } = this.#options;
    const wasAsked = this.#wasAsked;
    this.#wasAsked = false;
    try {
      const { config, taken, needRestart } = changesOf(this.#running, await source.read());
      const restart = needRestart.join(', ');
      const isNews = taken.length > 0 || restart !== this.#saidOfRestart;
      if (!isNews && !wasAsked && !this.#wasRefused) return;
      this.#wasRefused = false;
      this.#running = config;
      this.#saidOfRestart = restart;
      if (taken.length > 0) use(config);
      logger.info(
        'configuration-read',
        { taken, needRestart },
        `The configuration was read again: ${describe(taken, restart)}`,
      );
    } catch (error) {
      this.#wasRefused = true;
      const sentence = `The configuration of before stays in use, for the new one is refused. ${messageOf(error)}`;
      logger.error('configuration-refused', {}, sentence);
    }
  }
}

function describe(taken: readonly string[], restart: string): string {
  const parts = [
    ...(taken.length > 0 ? [`${taken.join(', ')} in use from now on`] : []),
    ...(restart === '' ? [] : [`${restart} only after a restart of this node`]),
  ];
  return parts.length === 0 ? 'nothing has changed.' : `${parts.join('; ')}.`;
}
