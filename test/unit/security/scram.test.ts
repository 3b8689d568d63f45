import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import { answerScramFinal, answerScramFirst } from '../../../src/security/scram.js';
import { makeScramKeys, type ScramKeys } from '../../../src/security/verifiers.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (found: Uint8Array | null): string | null =>
  found === null ? null : Buffer.from(found).toString();

/** RFC 7677, 3. */
const RFC = {
  password: 'pencil',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  iterations: 4_096,
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst:
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
} as const;

function keysOf(password: string): Promise<ScramKeys> {
  return makeScramKeys(nodeCryptography, password, RFC.salt, RFC.iterations);
}

function first(message: string, keys: ScramKeys) {
  return answerScramFirst(nodeCryptography, bytes(message), () => keys, RFC.serverNonce);
}

describe('SCRAM-SHA-256', () => {
  it('says what RFC 7677 says', async () => {
    const asked = first(RFC.clientFirst, await keysOf(RFC.password));
    assert.ok(asked);
    assert.equal(asked.user, 'user');
    assert.equal(textOf(asked.challenge), RFC.serverFirst);
    const final = answerScramFinal(nodeCryptography, bytes(RFC.clientFinal), asked.said);
    assert.equal(textOf(final), RFC.serverFinal);
  });

  it('takes no proof of another password, of another conversation, or of none', async () => {
    const right = first(RFC.clientFirst, await keysOf(RFC.password));
    const other = first(RFC.clientFirst, await keysOf('pen'));
    assert.ok(right && other);
    const proof = RFC.clientFinal.slice(RFC.clientFinal.indexOf(',p=') + 3);
    for (const [message, said] of [
      [RFC.clientFinal, other.said],
      [RFC.clientFinal.replace('c=biws', 'c=eSws'), right.said],
      [RFC.clientFinal.replace('$k0', '$k1'), right.said],
      [RFC.clientFinal.replace(proof, Buffer.alloc(32).toString('base64')), right.said],
      [RFC.clientFinal.replace(proof, 'AA=='), right.said],
      [RFC.clientFinal.replace(/,p=.*/, ''), right.said],
      ['', right.said],
    ] as const) {
      assert.equal(answerScramFinal(nodeCryptography, bytes(message), said), null, message);
    }
  });

  it('takes clients that could bind the channel, and refuses what is not offered', async () => {
    const keys = await keysOf(RFC.password);
    assert.ok(first('y,,n=user,r=x', keys));
    assert.ok(first('n,a=user,n=user,r=x', keys));
    assert.equal(first('n,,n=a=2Cb=3Dc,r=x', keys)?.user, 'a,b=c');
    for (const message of [
      ...[
        'p=tls-unique,,n=user,r=x',
        'n,a=other,n=user,r=x',
        'n,,m=1,n=user,r=x',
        'n,,n=a=2Db,r=x',
      ],
      ...['n,,n=user', 'n,,n=,r=x', 'n,,n=user,r=', '', '\0', `n,,n=user,r=${'x'.repeat(5_000)}`],
    ]) {
      assert.equal(first(message, keys), null, message);
    }
  });
});
