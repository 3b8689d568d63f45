/** What main.ts needs of a command. Each file in commands/ exports one as `command`. */

import type { InferredOptionType, Options, PositionalOptions } from 'yargs';
import { HoldfastError } from '../platform/errors.js';
import type { ExitCode } from './exit-codes.js';

export type CommandOptions = { readonly [name: string]: Options };
export type CommandPositionals = { readonly [name: string]: PositionalOptions };

type Parsed<T extends { readonly [name: string]: Options | PositionalOptions }> = {
  readonly [K in keyof T]: InferredOptionType<T[K]>;
};

interface CommandDefinition<O extends CommandOptions, P extends CommandPositionals> {
  readonly options: O;
  readonly positionals: P;
  /** Pairs of a command line and what it does. */
  readonly examples: readonly (readonly [commandLine: string, meaning: string])[];
  /** Printed below the help. */
  readonly epilogue: string;
  run(given: Parsed<O> & Parsed<P>): Promise<ExitCode>;
}

/** A command whose argument types are known to itself only. */
export interface Command
  extends Omit<CommandDefinition<CommandOptions, CommandPositionals>, 'run'> {
  run(given: { readonly [name: string]: unknown }): Promise<ExitCode>;
}

export function defineCommand<const O extends CommandOptions, const P extends CommandPositionals>(
  definition: CommandDefinition<O, P>,
): Command {
  return { ...definition, run: (given) => definition.run(given as Parsed<O> & Parsed<P>) };
}

export const STORE_OPTION = {
  type: 'string',
  requiresArg: true,
  description: 'The directory that all nodes share; also HOLDFAST_STORE',
} as const satisfies Options;

/** The store of a command that needs nothing else of the configuration. */
export function requireStore(given: string | undefined): string {
  const store = given || process.env.HOLDFAST_STORE;
  if (!store) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      'No store directory is given; pass --store DIR or set HOLDFAST_STORE.',
    );
  }
  return store;
}
