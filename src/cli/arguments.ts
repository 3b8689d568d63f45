/**
 * Checks on what yargs parsed that yargs does not make, or makes without helping: unknown names
 * are refused with the nearest known one, and nothing is given twice by accident.
 */

import { suggestNearest } from '../config/nearest.js';
import { HoldfastError } from '../platform/errors.js';
import type { Command } from './command.js';

const ALWAYS_THERE = ['help', 'h', 'version'];

export type ParsedArguments = { readonly [name: string]: unknown };

/** Throws CONFIG_INVALID for the first argument that `command` cannot mean. */
export function checkArguments(name: string, command: Command, parsed: ParsedArguments): void {
  const positionalNames = Object.keys(command.positionals);
  const optionNames = [...Object.keys(command.options), ...ALWAYS_THERE];
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '_' || key === '$0' || positionalNames.includes(key)) {
      continue;
    }
    if (!optionNames.includes(key)) {
      throw unknownOption(key, `holdfast ${name}`, optionNames);
    }
    const option = command.options[key];
    if (Array.isArray(value) && option?.array !== true && option?.type !== 'array') {
      throw usageError(`--${key} is given more than once.`);
    }
    if (option?.type === 'number' && Number.isNaN(value)) {
      throw usageError(`--${key} must be a number.`);
    }
  }
  const extra = (parsed._ as readonly unknown[])[1];
  if (extra !== undefined) {
    throw usageError(`holdfast ${name} does not take "${extra}"; see holdfast ${name} --help.`);
  }
}

/** What `holdfast` alone was given: no command, or one that does not exist. */
export function explainMissingCommand(
  parsed: ParsedArguments,
  commandNames: readonly string[],
): HoldfastError | null {
  const unknown = Object.keys(parsed).find((key) => key !== '_' && key !== '$0');
  if (unknown !== undefined) {
    return unknownOption(unknown, 'holdfast without a command', ALWAYS_THERE);
  }
  const given = (parsed._ as readonly unknown[])[0];
  return given === undefined
    ? null
    : usageError(
        `Unknown command ${given}${suggestNearest(String(given), commandNames) || '; see holdfast --help.'}`,
      );
}

function unknownOption(key: string, where: string, known: readonly string[]): HoldfastError {
  const dashes = key.length === 1 ? '-' : '--';
  const nearest = suggestNearest(
    `--${key}`,
    known.map((name) => `--${name}`),
  );
  return usageError(`Unknown option ${dashes}${key} of ${where}${nearest || '.'}`);
}

/** Timers of Node.js take no more milliseconds than 31 bits hold, and fire at once above. */
const MAX_SECONDS = 2_000_000;

/** A time as people give it, in milliseconds; `undefined` is for ever. Throws a usage error unless it is above 0. */
export function requireSeconds(name: string, seconds: number | undefined): number {
  if (seconds === undefined) return Number.POSITIVE_INFINITY;
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw usageError(
      `--${name} must be above 0 and at most ${MAX_SECONDS} seconds, but is ${seconds}.`,
    );
  }
  return seconds * 1_000;
}

/** Throws a usage error unless `value` is a whole number from `minimum`. */
export function requireWhole(name: string, value: number, minimum: number): number {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw usageError(`--${name} must be a whole number from ${minimum}, but is ${value}.`);
  }
  return value;
}

export function usageError(sentence: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', sentence);
}
