/** Log lines about clients that are refused, of which a flood must not become one of lines. */
import type { Logger } from '../platform/logger.js';
import type { Clock } from '../platform/ports.js';

const TOLD_EVERY_MS = 100;

export class RefusalLog {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly event: string;
  private toldAtMs = Number.NEGATIVE_INFINITY;
  private untold = 0;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, event: string) {
    this.clock = clock;
    this.logger = logger;
    this.event = event;
  }

  /** At level `warn`, or counts it for the next one that is told. */
  tell(fields: { readonly [name: string]: unknown }, sentence: string): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.toldAtMs < TOLD_EVERY_MS) {
      this.untold += 1;
      return;
    }
    const { untold } = this;
    this.toldAtMs = nowMs;
    this.untold = 0;
    const others = untold === 0 ? '' : `, after ${untold} others that were not told of`;
    this.logger.warn(this.event, { ...fields, untold }, `${sentence}${others}`);
  }
}
