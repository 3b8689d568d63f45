import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Cryptography } from '../../../src/platform/cryptography.js';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import { Authenticator } from '../../../src/security/authenticator.js';
import { BackOff } from '../../../src/security/back-off.js';
import { parseUsersFile } from '../../../src/security/users-file.js';
import { formatScram, formatScrypt, makeScramKeys } from '../../../src/security/verifiers.js';
import { ManualClock } from '../../support/manual-clock.js';

const HOST = '10.0.0.1';
const ELSEWHERE = '10.0.0.2';
/** So that a hundred of them take no time; the format is the same. */
const QUICK = { cost: 1_024, blockSize: 1, parallelization: 1 };

/** Counts what is slow. */
class CountingCryptography implements Cryptography {
  scrypts = 0;
  readonly pbkdf2 = nodeCryptography.pbkdf2;
  readonly hmac = nodeCryptography.hmac;
  readonly sha256 = nodeCryptography.sha256;
  readonly isEqual = nodeCryptography.isEqual;
  readonly randomBytes = nodeCryptography.randomBytes;

  scrypt(...given: Parameters<Cryptography['scrypt']>): Promise<Uint8Array> {
    this.scrypts += 1;
    return nodeCryptography.scrypt(...given);
  }
}

async function userLines(name: string, password: string): Promise<string> {
  const salt = nodeCryptography.randomBytes(16);
  const hash = await nodeCryptography.scrypt(password, salt, QUICK, 32);
  const scram = await makeScramKeys(nodeCryptography, password, salt, 4_096);
  return `  ${name}:\n    scrypt: ${formatScrypt({ ...QUICK, salt, hash })}\n    scramSha256: ${formatScram(scram)}\n`;
}

class Scene {
  readonly clock = new ManualClock();
  readonly cryptography = new CountingCryptography();
  readonly authenticator: Authenticator;

  private constructor(text: string) {
    const { clock, cryptography } = this;
    this.authenticator = new Authenticator({ clock, cryptography }, parseUsersFile(text, 'u'));
  }

  static async make(password = 'right'): Promise<Scene> {
    return new Scene(`users:\n${await userLines('bob', password)}`);
  }

  /** Moves the clock on until it is answered; resolves with the answer and the milliseconds that it took. */
  async timed<Answer>(asked: Promise<Answer>): Promise<readonly [Answer, number]> {
    const beganMs = this.clock.nowMs;
    let tookMs: number | null = null;
    const answered = asked.then((answer) => {
      tookMs = this.clock.nowMs - beganMs;
      return answer;
    });
    while (tookMs === null) {
      await new Promise((resolve) => setImmediate(resolve));
      if (tookMs === null && this.clock.timerCount > 0) this.clock.advance(10);
    }
    return [await answered, tookMs];
  }

  async login(password: string, address = HOST, name = 'bob'): Promise<readonly [boolean, number]> {
    const [user, ms] = await this.timed(this.authenticator.withPassword(address, name, password));
    return [user !== null, ms];
  }
}

describe('a password', () => {
  it('is looked at once, also when many come with it at the same time', async () => {
    const { authenticator, cryptography } = await Scene.make();
    const all = Array.from({ length: 500 }, () => authenticator.withPassword(HOST, 'bob', 'right'));
    for (const user of await Promise.all(all)) assert.equal(user?.name, 'bob');
    assert.equal((await authenticator.withPassword(ELSEWHERE, 'bob', 'right'))?.name, 'bob');
    assert.equal(cryptography.scrypts, 1);
  });

  it('that was changed is not known any more, however often it was right', async () => {
    const { authenticator } = await Scene.make();
    assert.ok(await authenticator.withPassword(HOST, 'bob', 'right'));
    authenticator.replace(parseUsersFile(`users:\n${await userLines('bob', 'new')}`, 'u'));
    assert.equal((await authenticator.withPassword(HOST, 'bob', 'new'))?.name, 'bob');
    const scene = await Scene.make('new');
    assert.deepEqual((await scene.login('right'))[0], false);
  });

  it('of nobody takes as many steps as a wrong one', async () => {
    const scene = await Scene.make();
    assert.deepEqual(await scene.login('guess', HOST, 'nobody'), [false, 100]);
    const other = await Scene.make();
    assert.deepEqual(await other.login('guess'), [false, 100]);
    assert.equal(scene.cryptography.scrypts, other.cryptography.scrypts);
  });

  it('that is wrong again and again takes longer and longer, for its address', async () => {
    const scene = await Scene.make();
    const took: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) took.push((await scene.login('guess'))[1]);
    for (const [index, ms] of took.entries()) {
      assert.ok(ms >= Math.min(5_000, 100 * 2 ** index), `${took}`);
    }
    const [isIn, ms] = await scene.login('right', ELSEWHERE);
    assert.ok(isIn && ms <= 1_000, `the user is kept waiting for ${ms} ms`);
  });

  it('that is wrong counts against its address however that is written, and against its network in IPv6', async () => {
    for (const [first, second, isSame] of [
      ['[::ffff:10.0.0.1]', '10.0.0.1', true],
      ['[2001:db8::1]', '2001:db8::abcd:1', true],
      ['[2001:db8::1]', '2001:db8:0:1::1', false],
    ] as const) {
      const scene = await Scene.make();
      assert.deepEqual(await scene.login('guess', first, 'carl'), [false, 100]);
      assert.deepEqual(await scene.login('guess', second, 'dora'), [false, isSame ? 200 : 100]);
    }
  });

  it('that was right before is let in at once, whatever others try', async () => {
    const scene = await Scene.make();
    assert.deepEqual(await scene.login('right'), [true, 0]);
    for (let attempt = 0; attempt < 5; attempt += 1) await scene.login('guess');
    assert.deepEqual(await scene.login('right'), [true, 0]);
  });

  it('is looked at before those of an address that has to wait, however many it sends', async () => {
    const scene = await Scene.make();
    const flood = Promise.allSettled(
      Array.from({ length: 2_000 }, (_, index) =>
        scene.authenticator.withPassword(HOST, `user${index}`, 'guess'),
      ),
    );
    const [isIn, ms] = await scene.login('right', ELSEWHERE);
    assert.ok(isIn && ms < 1_000, `${ms} ms`);
    const [answers] = await scene.timed(flood);
    const wrong = answers.filter((each) => each.status === 'fulfilled' && each.value === null);
    const unseen = answers.filter(
      (each) => each.status === 'rejected' && each.reason.code === 'LIMIT_EXCEEDED',
    );
    // Whose password may be right must not be told that it is wrong: clients would give up.
    assert.equal(wrong.length + unseen.length, answers.length);
    assert.ok(unseen.length >= 1_900, `${unseen.length} were told to come again`);
    assert.ok(
      scene.cryptography.scrypts < 20,
      `${scene.cryptography.scrypts} of 2,000 were looked at`,
    );
    assert.equal(scene.clock.timerCount, 0);
  });
});

describe('SCRAM', () => {
  it('is answered for unknown users as for others, always the same', async () => {
    const { authenticator } = await Scene.make();
    const saltOf = (user: string) => {
      const attempt = authenticator.beginScram(HOST, Buffer.from(`n,,n=${user},r=x`));
      return Buffer.from(attempt?.challenge ?? [])
        .toString()
        .replace(/^r=[^,]*,/, '');
    };
    assert.match(saltOf('nobody'), /^s=[A-Za-z0-9+/]{22}==,i=4096$/);
    assert.equal(saltOf('nobody'), saltOf('nobody'));
    assert.notEqual(saltOf('nobody'), saltOf('nobodyelse'));
  });

  for (const [password, expected] of [
    ['right', true],
    ['wrong', false],
  ] as const) {
    it(`lets in who knows the password, and nobody else: ${password}`, async () => {
      const scene = await Scene.make();
      const bare = 'n=bob,r=abc';
      const attempt = scene.authenticator.beginScram(HOST, Buffer.from(`n,,${bare}`));
      assert.ok(attempt);
      const challenge = Buffer.from(attempt.challenge).toString();
      const final = finalOf(password, bare, challenge);
      const [end] = await scene.timed(scene.authenticator.endScram(attempt, Buffer.from(final)));
      assert.equal(end?.user.name, expected ? 'bob' : undefined);
    });
  }
});

describe('what is remembered of failures', () => {
  it('is bounded, and forgotten after a while', () => {
    const backOff = new BackOff();
    for (let index = 0; index < 30_000; index += 1) backOff.failed(`a${index}`, `u${index}`, 0);
    assert.equal(backOff.blockedUntilMs('a0', 'u0'), 0);
    assert.equal(backOff.blockedUntilMs('a29999', 'u29999'), 100);
    assert.equal(backOff.failed('a29999', 'u29999', 10), 200);
    assert.equal(backOff.failed('a29999', 'u29999', 70_000), 100);
  });
});

/** As a client computes it (RFC 5802, 3), written anew here. */
function finalOf(password: string, bare: string, challenge: string): string {
  const [, nonce, salt, iterations] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(challenge) ?? [];
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest();
  let block = createHmac('sha256', password)
    .update(Buffer.concat([Buffer.from(salt ?? '', 'base64'), Buffer.of(0, 0, 0, 1)]))
    .digest();
  const salted = Buffer.from(block);
  for (let round = 1; round < Number(iterations); round += 1) {
    block = createHmac('sha256', password).update(block).digest();
    for (let index = 0; index < salted.length; index += 1) {
      salted[index] = (salted[index] as number) ^ (block[index] as number);
    }
  }
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  const without = `c=biws,r=${nonce}`;
  const signature = hmac(storedKey, `${bare},${challenge},${without}`);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number));
  return `${without},p=${Buffer.from(proof).toString('base64')}`;
}

describe('who comes with a certificate', () => {
  const named = (commonName: string | null) => ({ subject: `CN=${commonName}`, commonName });

  it('is the user of that very name, without delay', async () => {
    const { authenticator } = await Scene.make();
    for (const [commonName, user] of [
      ['bob', 'bob'],
      ['Bob', null],
      // Compatible with it, and another name: an authority may have given it to somebody else.
      ['\uFF42ob', null],
      ['carol', null],
      [null, null],
    ] as const) {
      assert.equal(authenticator.userOf(named(commonName))?.name ?? null, user, `${commonName}`);
    }
    const bob = await authenticator.withCertificate(HOST, named('bob'));
    assert.equal(bob?.name, 'bob');
  });

  it('that is of nobody, or with none, waits longer each time, as after a wrong password', async () => {
    const scene = await Scene.make();
    const refused = async (certificate: ReturnType<typeof named> | null): Promise<number> => {
      const asked = scene.authenticator.withCertificate(HOST, certificate);
      const [user, ms] = await scene.timed(asked);
      assert.equal(user, null);
      return ms;
    };
    const first = await refused(named('carol'));
    const second = await refused(null);
    scene.authenticator.countFailure(HOST);
    const third = await refused(named(null));
    assert.ok(first >= 100 && second >= 2 * 100 && third >= 4 * 100, `${first} ${second} ${third}`);
    const [, wrongMs] = await scene.login('wrong');
    assert.ok(wrongMs > third, 'a password is slowed down as well');
  });
});
