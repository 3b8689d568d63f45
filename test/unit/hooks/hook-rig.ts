/** Commands that a test ends when it likes, and what was logged of them. */
import type { HookWorld } from '../../../src/hooks/hook-run.js';
import type { Logger } from '../../../src/platform/logger.js';
import type { CommandEnd } from '../../../src/platform/ports.js';
import { ManualClock } from '../../support/manual-clock.js';

interface Run {
  readonly command: string;
  readonly environment: { readonly [name: string]: string };
  readonly limitMs: number;
}

export class HookRig {
  readonly runs: Run[] = [];
  /** Of the log. */
  readonly events: string[] = [];
  readonly clock = new ManualClock();
  #resolve: (end: CommandEnd) => void = () => undefined;

  get commands(): string[] {
    return this.runs.map(({ command }) => command);
  }

  get world(): HookWorld {
    const note = (event: string): void => void this.events.push(event);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    return {
      clock: this.clock,
      logger,
      node: 'a',
      commands: {
        run: (command, environment, limitMs) => {
          this.runs.push({ command, environment, limitMs });
          return new Promise((resolve) => {
            this.#resolve = resolve;
          });
        },
      },
    };
  }

  /** Ends the command that was started last. */
  async end(exitCode: number): Promise<void> {
    this.#resolve({ exitCode, trouble: null, output: '' });
    await this.turn();
  }

  /** Lets what waits for promises go on. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
