/** `holdfast user`: the users file, changed as a whole; running nodes take it over by themselves. */
import { readFileSync } from 'node:fs';
import { readConfigurationFile } from '../../config/configuration-file.js';
import { CONFIG_FILE_VARIABLE } from '../../config/load.js';
import { messageOf } from '../../platform/errors.js';
import { nodeCryptography } from '../../platform/node/cryptography.js';
import { changePrivateFile, readPrivateFile } from '../../platform/node/private-file.js';
import { requirePassword } from '../../security/prepared-text.js';
import { parseUsersFile } from '../../security/users-file.js';
import {
  newUsersFile,
  type Verifiers,
  withoutUser,
  withPassword,
  withUser,
} from '../../security/users-file-edit.js';
import { makeScramKeys, makeScryptVerifier } from '../../security/verifiers.js';
import { usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askForNewSecret, readSecretFromInput } from '../secret.js';

const USERS_FILE_VARIABLE = 'HOLDFAST_SECURITY_USERS_FILE';
const KEY_BYTES = 32;

interface Given {
  readonly action: string;
  readonly name: string | undefined;
  readonly role: readonly (string | number)[];
  readonly 'password-stdin': boolean;
  readonly 'no-scram': boolean;
}

export const command = defineCommand({
  options: {
    'users-file': {
      type: 'string',
      requiresArg: true,
      description: `The users file; default: ${USERS_FILE_VARIABLE}, or security.usersFile of --config`,
    },
    config: {
      type: 'string',
      requiresArg: true,
      description: 'YAML file with settings, which names the users file; also HOLDFAST_CONFIG',
    },
    role: {
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
      default: [],
      description: 'A role of a new user, as the file defines it; may be given several times',
    },
    'password-stdin': {
      type: 'boolean',
      default: false,
      description: 'Read the password from standard input instead of asking for it',
    },
    'no-scram': {
      type: 'boolean',
      default: false,
      description: 'Leave out the keys of SCRAM-SHA-256, which are quicker to guess passwords by',
    },
  },
  positionals: {
    action: {
      choices: ['add', 'passwd', 'remove', 'list'],
      demandOption: true,
      description: 'What to do',
    },
    name: { type: 'string', description: 'The user' },
  },
  examples: [
    ['user add alice --role admin --users-file /etc/holdfast/users.yaml', 'The first user'],
    ['user passwd alice --password-stdin <secret.txt', 'Another password'],
    ['user list', 'Who there is, with which roles'],
  ],
  epilogue:
    'Passwords are never arguments. Running nodes read the file again by themselves. Roles: docs/security.md.',
  async run(given) {
    refuseUseless(given);
    const path = usersFileOf(given);
    if (given.action === 'list') {
      await list(path);
    } else {
      const name = requireName(given);
      await change(path, name, given);
      process.stdout.write(`${describe(given.action, name)} in ${path}.\n`);
    }
    return EXIT.ok;
  },
});

async function change(path: string, name: string, given: Given): Promise<void> {
  const isRemoved = given.action === 'remove';
  // Before the password is asked for: a file that cannot be changed is told of first.
  const before = await readPrivateFile(path);
  if (before !== null) parseUsersFile(before, path);
  const verifiers = isRemoved ? null : await makeVerifiers(name, given);
  await changePrivateFile(path, async (text) => {
    const isNew = text === null && given.action === 'add';
    const now = isNew ? newUsersFile(nodeCryptography.randomBytes(KEY_BYTES)) : text;
    if (now === null) throw usageError(`There is no users file at ${path}; user add makes one.`);
    if (verifiers === null) return withoutUser(now, path, name);
    if (given.action === 'passwd') return withPassword(now, path, name, verifiers);
    return withUser(now, path, { name, roles: given.role.map(String), ...verifiers });
  });
}

/** What an action has no use for is refused: it would be believed to have been done. */
function refuseUseless({ action, name, role, ...given }: Given): void {
  if (action !== 'add' && role.length > 0) {
    throw usageError('--role is for user add; change the roles of a user in the file itself.');
  }
  if (action === 'list' && name !== undefined) {
    throw usageError('holdfast user list takes no name; it shows all users.');
  }
  if (action === 'add' || action === 'passwd') return;
  for (const option of ['password-stdin', 'no-scram'] as const) {
    if (given[option]) throw usageError(`holdfast user ${action} takes no --${option}.`);
  }
}

async function makeVerifiers(name: string, given: Given): Promise<Verifiers> {
  const typed = given['password-stdin']
    ? await readSecretFromInput()
    : await askForNewSecret(`Password of ${name}`);
  const password = requirePassword(typed);
  return {
    scrypt: await makeScryptVerifier(nodeCryptography, password),
    scram: given['no-scram'] ? null : await makeScramKeys(nodeCryptography, password),
  };
}

async function list(path: string): Promise<void> {
  const text = await readPrivateFile(path);
  if (text === null) throw usageError(`There is no users file at ${path}; user add makes one.`);
  for (const { name, roles, scrypt, scram } of parseUsersFile(text, path).users.values()) {
    const ways = [scrypt === null ? '' : 'password', scram === null ? '' : 'SCRAM-SHA-256'];
    const login = ways.filter((way) => way !== '').join(', ') || 'no password';
    process.stdout.write(`${name}: roles ${roles.join(', ') || '(none)'}; ${login}\n`);
  }
}

function describe(action: string, name: string): string {
  if (action === 'remove') return `User ${name} is no more`;
  return action === 'add' ? `User ${name} was added` : `User ${name} has a new password`;
}

function requireName({ action, name }: Given): string {
  if (name !== undefined) return name;
  throw usageError(`holdfast user ${action} needs the name of a user.`);
}

function usersFileOf(given: {
  readonly 'users-file': string | undefined;
  readonly config: string | undefined;
}): string {
  const path =
    given['users-file'] || process.env[USERS_FILE_VARIABLE] || configuredIn(given.config);
  if (path) return path;
  throw usageError(
    `No users file is given; pass --users-file FILE, set ${USERS_FILE_VARIABLE}, or pass --config FILE with security.usersFile in it.`,
  );
}

function configuredIn(given: string | undefined): string | null {
  const fileName = given || process.env[CONFIG_FILE_VARIABLE];
  if (!fileName) return null;
  let text: string;
  try {
    text = readFileSync(fileName, 'utf8');
  } catch (error) {
    throw usageError(`The configuration file ${fileName} cannot be read: ${messageOf(error)}.`);
  }
  const setting = readConfigurationFile(text, fileName).find(
    ({ path }) => path === 'security.usersFile',
  );
  return typeof setting?.value === 'string' ? setting.value : null;
}
