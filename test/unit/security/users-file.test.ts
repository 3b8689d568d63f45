import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import { parseUsersFile } from '../../../src/security/users-file.js';
import {
  newUsersFile,
  withoutUser,
  withPassword,
  withUser,
} from '../../../src/security/users-file-edit.js';
import {
  formatScrypt,
  isPasswordOf,
  makeScramKeys,
  makeScryptVerifier,
  parseScrypt,
} from '../../../src/security/verifiers.js';

const FILE = 'users.yaml';
const SCRYPT = `N=1024 r=8 p=1 salt=${'A'.repeat(22)}== hash=${'A'.repeat(43)}=`;
const ROLE = 'roles:\n  reader:\n    - { address: orders.>, allow: [consume] }\n';

async function verifiersOf(password: string) {
  const scrypt = await makeScryptVerifier(nodeCryptography, password);
  return { scrypt, scram: await makeScramKeys(nodeCryptography, password) };
}

function refusalOf(text: string): string {
  try {
    parseUsersFile(text, FILE);
  } catch (error) {
    return (error as Error).message;
  }
  return 'taken';
}

describe('the users file', () => {
  it('says who there is, and what they may do', () => {
    const text = `${ROLE}users:\n  bob:\n    roles: [reader]\n    scrypt: ${SCRYPT}\n  carol:\n`;
    const { users, roles } = parseUsersFile(text, FILE);
    assert.deepEqual([...users.keys()], ['bob', 'carol']);
    assert.deepEqual(users.get('bob')?.roles, ['reader']);
    assert.equal(users.get('bob')?.scrypt?.cost, 1024);
    assert.equal(users.get('carol')?.scrypt, null);
    assert.deepEqual(roles.get('reader'), [{ address: 'orders.>', allow: ['consume'] }]);
    assert.equal(parseUsersFile('', FILE).users.size, 0);
  });

  for (const [text, expected] of [
    ['users: [', /^users.yaml, line 1 is not valid YAML: /],
    ['- bob', /^users.yaml, line 1 must hold the sections roles and users\.$/],
    ['user:\n  bob: {}', /line 1: the file has the unknown key user; known are .*roles, users\.$/],
    ['users:\n  bob:\n    role: x', /line 3: user bob has the unknown key role;/],
    [
      'users:\n  bob:\n    roles: [x]',
      /line 3: user bob has role x, which is not among the roles: there are none/,
    ],
    ['users:\n  "a:b": {}', /line 2: "a:b" is no name of a user/],
    ['users:\n  bob:\n    scrypt: secret', /line 3: scrypt of user bob cannot be read/],
    [`users:\n  bob:\n    scrypt: ${SCRYPT.replace('1024', '1025')}`, /line 3: scrypt of user bob/],
    [
      `users:\n  bob:\n    scrypt: ${SCRYPT.replace('N=1024', 'N=999999999')}`,
      /line 3: scrypt of user/,
    ],
    [
      'roles:\n  r:\n    - { address: a.>.b, allow: [send] }',
      /line 3: a rule of role r needs an address/,
    ],
    [
      'roles:\n  r:\n    - { address: /queue/a, allow: [send] }',
      /line 3: address \/queue\/a of role r must be a name/,
    ],
    [
      'roles:\n  r:\n    - { address: a, allow: [sent] }',
      /line 3: allow of role r must be a list of send, .*but has sent/,
    ],
    ['roles:\n  r:\n    - { address: a }', /line 3: allow of role r must be a list of send/],
    ['unknownUsersKey: AAAA', /line 1: unknownUsersKey must be 16 bytes/],
    ['users: {bob: {}, bob: {}}', /line 1 is not valid YAML: Map keys must be unique/],
  ] as const) {
    it(`is refused with its line: ${JSON.stringify(text)}`, () => {
      const refusal = refusalOf(text);
      assert.match(refusal, expected);
      assert.doesNotMatch(refusal, /secret|hash=/);
    });
  }

  it('is changed without losing what people wrote', async () => {
    const made = newUsersFile(nodeCryptography.randomBytes(32));
    const first = withUser(made, FILE, {
      name: 'bob',
      roles: ['admin'],
      ...(await verifiersOf('one')),
    });
    const noted = first.replace('  bob:', '  # the first of us\n  bob:');
    const second = withUser(noted, FILE, { name: 'carol', roles: [], ...(await verifiersOf('c')) });
    const { scrypt } = await verifiersOf('two');
    const changed = withPassword(second, FILE, 'bob', { scrypt, scram: null });
    const removed = withoutUser(changed, FILE, 'carol');
    assert.match(removed, /# the first of us/);
    const { users, unknownUsersKey } = parseUsersFile(removed, FILE);
    assert.deepEqual([...users.keys()], ['bob']);
    assert.equal(unknownUsersKey?.length, 32);
    assert.equal(users.get('bob')?.scram, null);
    const verifier = users.get('bob')?.scrypt;
    assert.ok(verifier);
    assert.ok(await isPasswordOf(nodeCryptography, verifier, 'two'));
    assert.ok(!(await isPasswordOf(nodeCryptography, verifier, 'one')));
    assert.equal(parseUsersFile(withoutUser(removed, FILE, 'bob'), FILE).users.size, 0);
    assert.throws(
      () => withoutUser(removed, FILE, 'carol'),
      /There is no user carol in users.yaml; in it: bob/,
    );
    const again = { name: 'bob', roles: [], ...(await verifiersOf('x')) };
    assert.throws(() => withUser(removed, FILE, again), /User bob is in users.yaml already/);
    const role = { ...again, name: 'dan', roles: ['nothing'] };
    assert.throws(
      () => withUser(removed, FILE, role),
      /user dan has role nothing, which is not among .*admin/,
    );
  });

  it('has verifiers that are read as they were written', async () => {
    const { scrypt } = await verifiersOf('x');
    assert.deepEqual(parseScrypt(formatScrypt(scrypt)), {
      ...scrypt,
      salt: Buffer.from(scrypt.salt),
      hash: Buffer.from(scrypt.hash),
    });
  });
});
