/** Changes to the users file that leave everything else in it, comments too, as people wrote it. */
import { type Document, parseDocument } from 'yaml';
import { HoldfastError } from '../platform/errors.js';
import { isUserName } from './prepared-text.js';
import { parseUsersFile } from './users-file.js';
import { formatScram, formatScrypt, type ScramKeys, type ScryptVerifier } from './verifiers.js';

export interface Verifiers {
  readonly scrypt: ScryptVerifier;
  /** Null: left out, so that this user cannot use SCRAM. */
  readonly scram: ScramKeys | null;
}

/** A file without users, and with one role that may do everything. `key`: unpredictable bytes. */
export function newUsersFile(key: Uint8Array): string {
  return `# Users of Holdfast and what they may do: docs/security.md. Change users with "holdfast user".
unknownUsersKey: ${Buffer.from(key).toString('base64')}
roles:
  admin:
    - address: ">"
      allow: [send, consume, browse, create, manage]
users:
`;
}

/** Throws CONFIG_INVALID when the user is there, or a role is not. */
export function withUser(
  text: string,
  fileName: string,
  user: { readonly name: string; readonly roles: readonly string[] } & Verifiers,
): string {
  const { users } = parseUsersFile(text, fileName);
  const { name, roles } = user;
  if (users.has(name)) {
    throw refused(
      `User ${name} is in ${fileName} already; holdfast user passwd changes the password`,
    );
  }
  if (!isUserName(name)) {
    throw refused(`"${name}" is no name of a user; write letters, digits and . _ @ -`);
  }
  return edited(text, fileName, (document) => {
    const list = document.createNode([...roles], { flow: true });
    if (parseUsersFile(text, fileName).users.size === 0)
      document.set('users', document.createNode({}));
    document.setIn(['users', name], document.createNode({ roles: list }));
    setVerifiers(document, name, user);
  });
}

/** Throws CONFIG_INVALID when there is no such user. */
export function withPassword(
  text: string,
  fileName: string,
  name: string,
  verifiers: Verifiers,
): string {
  requireUser(text, fileName, name);
  return edited(text, fileName, (document) => setVerifiers(document, name, verifiers));
}

/** Throws as `withPassword` does. */
export function withoutUser(text: string, fileName: string, name: string): string {
  requireUser(text, fileName, name);
  return edited(text, fileName, (document) => document.deleteIn(['users', name]));
}

function setVerifiers(document: Document, name: string, { scrypt, scram }: Verifiers): void {
  document.setIn(['users', name, 'scrypt'], formatScrypt(scrypt));
  if (scram === null) document.deleteIn(['users', name, 'scramSha256']);
  else document.setIn(['users', name, 'scramSha256'], formatScram(scram));
}

function requireUser(text: string, fileName: string, name: string): void {
  const { users } = parseUsersFile(text, fileName);
  if (users.has(name)) return;
  const known = [...users.keys()].join(', ') || 'nobody';
  throw refused(`There is no user ${name} in ${fileName}; in it: ${known}`);
}

/** What is written is read once more: a file that no node would take must not replace one that they do. */
function edited(text: string, fileName: string, edit: (document: Document) => void): string {
  const document = parseDocument(text);
  edit(document as Document);
  const changed = document.toString({ lineWidth: 0 });
  parseUsersFile(changed, fileName);
  return changed;
}

function refused(sentence: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', `${sentence}.`);
}
