/**
 * The Logger port over pino, always to stderr: stdout belongs to what a command prints. Writes are
 * synchronous, so that the last line before an exit is never lost; nothing is logged per message.
 */

import { pino } from 'pino';
import pinoPretty from 'pino-pretty';
import type { Config } from '../config/schema.js';
import type { Logger } from '../platform/logger.js';

const STDERR = 2;

export interface LoggerOptions {
  readonly log: Config['log'];
  /** Stands in every JSON line. */
  readonly node: string;
}

/** A logger whose level can be changed while it is used. */
export type LevelledLogger = Logger & { setLevel(level: Config['log']['level']): void };

export function createLogger({ log, node }: LoggerOptions): LevelledLogger {
  const target =
    log.format === 'json' ? pino.destination({ fd: STDERR, sync: true }) : textForPeople();
  const sink = pino(
    {
      level: log.level,
      base: { node },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    target,
  );
  return {
    debug: (event, fields, sentence) => sink.debug({ event, ...fields }, sentence),
    info: (event, fields, sentence) => sink.info({ event, ...fields }, sentence),
    warn: (event, fields, sentence) => sink.warn({ event, ...fields }, sentence),
    error: (event, fields, sentence) => sink.error({ event, ...fields }, sentence),
    setLevel: (level) => {
      sink.level = level;
    },
  };
}

/** `[12:00:01.250] INFO: a is live`, and nothing of the fields. */
function textForPeople(): pinoPretty.PrettyStream {
  return pinoPretty({
    destination: STDERR,
    sync: true,
    colorize: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    messageKey: 'message',
    hideObject: true,
  });
}
