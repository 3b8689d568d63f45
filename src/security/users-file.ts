/**
 * The users file, whose format docs/security.md tells: read whole and strictly, because a rule that is
 * skipped is a right that nobody meant. What is wrong is refused with its line.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { HoldfastError } from '../platform/errors.js';
import { isUserName } from './prepared-text.js';
import { RIGHTS, type Right, type Rule } from './rights.js';
import { parseScram, parseScrypt, type ScramKeys, type ScryptVerifier } from './verifiers.js';

export interface User {
  readonly name: string;
  readonly roles: readonly string[];
  /** Null: without a password; such a user only comes with a certificate. */
  readonly scrypt: ScryptVerifier | null;
  readonly scram: ScramKeys | null;
}

export interface UsersFile {
  readonly users: ReadonlyMap<string, User>;
  readonly roles: ReadonlyMap<string, readonly Rule[]>;
  /** From which unknown users get the salt that they are told; null: the file has none. */
  readonly unknownUsersKey: Uint8Array | null;
}

const KEYS = {
  file: ['unknownUsersKey', 'roles', 'users'],
  user: ['roles', 'scrypt', 'scramSha256'],
};
const RULE_KEYS = ['address', 'allow'];
const ROLE_NAME = /^[\p{L}\p{N}._-]{1,128}$/u;
const MISPLACED_WILDCARD = /(?:^|\.)[>#]\./;
const SMALLEST_KEY_BYTES = 16;
/** What a slip in the file may make part of a name: an error goes to logs, and the line is told anyway. */
const SECRETS = /[A-Za-z0-9+/=]{20,}/g;
/** More is no users file. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** Throws CONFIG_INVALID with the file's name and the line. No part of a verifier is ever in the error. */
export function parseUsersFile(text: string, fileName: string): UsersFile {
  return new Reader(text, fileName).read();
}

class Reader {
  private readonly fileName: string;
  private readonly lines = new LineCounter();
  private readonly root: YAMLMap | null;

  constructor(text: string, fileName: string) {
    this.fileName = fileName;
    if (text.length > MAX_CHARACTERS) throw this.refusal(null, 'is too large for a users file');
    const document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const [error] = document.errors;
    if (error !== undefined) {
      throw this.refusal(error.pos[0], `is not valid YAML: ${error.message.replace(/\.$/, '')}`);
    }
    const { contents } = document;
    if (contents !== null && !isMap(contents)) {
      throw this.refusal(0, 'must hold the sections roles and users');
    }
    this.root = contents;
  }

  read(): UsersFile {
    const sections = this.entries(this.root, 'the file', KEYS.file);
    const roles = new Map<string, readonly Rule[]>();
    for (const [name, rules] of this.entries(sections.get('roles'), 'roles')) {
      if (!ROLE_NAME.test(name)) {
        throw this.wrong(rules, `"${name}" is no name of a role: letters, digits and . _ -`);
      }
      roles.set(name, this.rules(rules, name));
    }
    const users = new Map<string, User>();
    for (const [name, user] of this.entries(sections.get('users'), 'users')) {
      users.set(name, this.user(name, user, roles));
    }
    return { users, roles, unknownUsersKey: this.key(sections.get('unknownUsersKey')) };
  }

  private key(node: unknown): Uint8Array | null {
    if (isNothing(node)) return null;
    const bytes = Buffer.from(this.text(node, 'unknownUsersKey'), 'base64');
    if (bytes.length >= SMALLEST_KEY_BYTES) return bytes;
    throw this.wrong(node, `unknownUsersKey must be ${SMALLEST_KEY_BYTES} bytes or more in base64`);
  }

  private rules(node: unknown, role: string): readonly Rule[] {
    if (isNothing(node)) return [];
    if (!isSeq(node)) throw this.wrong(node, `role ${role} must be a list of rules`);
    return node.items.map((item) => this.rule(item, role));
  }

  private rule(node: unknown, role: string): Rule {
    const fields = this.entries(node, `a rule of role ${role}`, RULE_KEYS);
    const given = fields.get('address');
    const address = isNothing(given) ? '' : this.text(given, 'address');
    if (address === '' || MISPLACED_WILDCARD.test(address)) {
      throw this.wrong(
        node,
        `a rule of role ${role} needs an address: a name, or a pattern such as orders.> with > at its end`,
      );
    }
    if (/^[/]|:\/\//.test(address)) {
      throw this.wrong(
        given,
        `address ${address} of role ${role} must be a name alone, without /queue/ or queue://; it means queues and topics`,
      );
    }
    const allowed = fields.get('allow');
    const rights = isNothing(allowed) ? [] : this.texts(allowed, `allow of role ${role}`);
    const unknown = rights.find((right) => !(RIGHTS as readonly string[]).includes(right));
    if (unknown !== undefined || rights.length === 0) {
      throw this.wrong(
        allowed ?? node,
        `allow of role ${role} must be a list of ${RIGHTS.join(', ')}${unknown === undefined ? '' : `, but has ${unknown}`}`,
      );
    }
    return { address, allow: rights as readonly Right[] };
  }

  private user(name: string, node: unknown, known: ReadonlyMap<string, readonly Rule[]>): User {
    if (!isUserName(name)) {
      throw this.wrong(node, `"${name}" is no name of a user: letters, digits and . _ @ -`);
    }
    const fields = this.entries(node, `user ${name}`, KEYS.user);
    const given = fields.get('roles');
    const roles = isNothing(given) ? [] : this.texts(given, `roles of user ${name}`);
    const unknown = roles.find((role) => !known.has(role));
    if (unknown !== undefined) {
      throw this.wrong(
        given,
        `user ${name} has role ${unknown}, which is not among the roles: ${[...known.keys()].join(', ') || 'there are none'}`,
      );
    }
    return {
      name,
      roles,
      scrypt: this.verifier(fields.get('scrypt'), `scrypt of user ${name}`, parseScrypt),
      scram: this.verifier(fields.get('scramSha256'), `scramSha256 of user ${name}`, parseScram),
    };
  }

  private verifier<Verifier>(
    node: unknown,
    what: string,
    parse: (text: string) => Verifier | null,
  ): Verifier | null {
    if (isNothing(node)) return null;
    const verifier = parse(this.text(node, what));
    if (verifier !== null) return verifier;
    throw this.wrong(
      node,
      `${what} cannot be read, or is out of bounds; write it anew with holdfast user passwd`,
    );
  }

  /** The keys of a mapping with their nodes; none of them for one that is left empty. */
  private entries(
    node: unknown,
    what: string,
    keys: readonly string[] | null = null,
  ): ReadonlyMap<string, unknown> {
    const found = new Map<string, unknown>();
    if (isNothing(node)) return found;
    if (!isMap(node)) throw this.wrong(node, `${what} must hold "key: value" lines`);
    for (const { key, value } of node.items) {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : null;
      if (name === null) throw this.wrong(key, `${what} has a key that is no text`);
      if (keys !== null && !keys.includes(name)) {
        throw this.wrong(key, `${what} has the unknown key ${name}; known are ${keys.join(', ')}`);
      }
      found.set(name, value);
    }
    return found;
  }

  private text(node: unknown, what: string): string {
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    throw this.wrong(node, `${what} must be a text`);
  }

  private texts(node: unknown, what: string): readonly string[] {
    if (!isSeq(node)) throw this.wrong(node, `${what} must be a list, as [one, two]`);
    return node.items.map((item) => this.text(item, `each of ${what}`));
  }

  private wrong(node: unknown, sentence: string): HoldfastError {
    return this.refusal((node as Node | null | undefined)?.range?.[0] ?? null, `: ${sentence}`);
  }

  private refusal(offset: number | null, sentence: string): HoldfastError {
    const line = offset === null ? '' : `, line ${this.lines.linePos(offset).line}`;
    const joint = sentence.startsWith(':') ? '' : ' ';
    const shown = sentence.replace(SECRETS, '...');
    return new HoldfastError('CONFIG_INVALID', `${this.fileName}${line}${joint}${shown}.`);
  }
}

function isNothing(node: unknown): boolean {
  return node === undefined || node === null || (isScalar(node) && node.value === null);
}
