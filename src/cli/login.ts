/** Who a command logs in as. The password comes from where others cannot see it: never an argument, which `ps` shows. */

import { CLIENT_VARIABLES } from '../config/load.js';
import { usageError } from './arguments.js';
import type { CommandOptions } from './command.js';
import { askForSecret, readSecretFile, readSecretFromInput } from './secret.js';

export const LOGIN_OPTIONS = {
  user: {
    type: 'string',
    requiresArg: true,
    description:
      'Who to log in as; also HOLDFAST_USER. The password is asked for, or HOLDFAST_PASSWORD, or one of',
  },
  'password-file': {
    type: 'string',
    requiresArg: true,
    description: 'A file with the password of --user',
  },
  'password-stdin': {
    type: 'boolean',
    default: false,
    description: 'Read the password of --user from standard input',
  },
} as const satisfies CommandOptions;

export interface GivenLogin {
  readonly user: string | undefined;
  readonly 'password-file': string | undefined;
  readonly 'password-stdin': boolean;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * Null when no user is given. The environment is for those that cannot write files: other processes of the same
 * user may read it.
 */
export async function readLogin(given: GivenLogin): Promise<Login | null> {
  const user = given.user || process.env[CLIENT_VARIABLES.user];
  const file = given['password-file'];
  if (file !== undefined && given['password-stdin']) {
    throw usageError('Give either --password-file or --password-stdin, not both.');
  }
  if (!user) {
    if (file === undefined && !given['password-stdin']) return null;
    throw usageError(
      `A password is given without a user; pass --user or set ${CLIENT_VARIABLES.user}.`,
    );
  }
  if (file !== undefined) return { user, password: readSecretFile(file) };
  if (given['password-stdin']) return { user, password: await readSecretFromInput() };
  const password = process.env[CLIENT_VARIABLES.password];
  if (password) return { user, password };
  if (process.stdin.isTTY) return { user, password: await askForSecret(`Password of ${user}: `) };
  throw usageError(
    `User ${user} needs a password; pass --password-file or --password-stdin, or set ${CLIENT_VARIABLES.password}.`,
  );
}
