/**
 * Who a client is, by the users file: passwords against their verifiers, proofs of SCRAM against their
 * keys. Passwords that were right are remembered for a while, as a MAC whose key nobody else has, so that
 * all clients coming back after a takeover do not cost tens of milliseconds each.
 */
import type { Cryptography } from '../platform/cryptography.js';
import type { Clock, PeerCertificate } from '../platform/ports.js';
import { AttemptQueue } from './attempt-queue.js';
import { isUserName, preparedPassword, preparedText } from './prepared-text.js';
import { answerScramFinal, answerScramFirst, type ScramFirst } from './scram.js';
import type { User, UsersFile } from './users-file.js';
import {
  isPasswordOf,
  SCRAM_ITERATIONS,
  SCRYPT_PARAMETERS,
  type ScramKeys,
  type ScryptVerifier,
} from './verifiers.js';

/** Of users whose password was right; the one that was longest ago goes first. */
const MAX_REMEMBERED = 10_000;
const KEY_BYTES = 32;
const SALT_BYTES = 16;

export interface AuthenticatorOptions {
  readonly cryptography: Cryptography;
  readonly clock: Clock;
}

/** SCRAM of one client, between its two messages. */
export interface ScramAttempt extends ScramFirst {
  readonly address: string;
}

export class Authenticator {
  private readonly cryptography: Cryptography;
  private readonly queue: AttemptQueue;
  private readonly macKey: Uint8Array;
  private readonly ownKey: Uint8Array;
  /** MACs of user, verifier and password: a changed password makes another one. */
  private readonly remembered = new Set<string>();
  /** The same, that are looked at now: who comes with the same password waits for the same answer. */
  private readonly pending = new Map<string, Promise<boolean>>();
  private file: UsersFile;

  constructor({ cryptography, clock }: AuthenticatorOptions, file: UsersFile) {
    this.cryptography = cryptography;
    this.queue = new AttemptQueue(clock);
    this.macKey = cryptography.randomBytes(KEY_BYTES);
    this.ownKey = cryptography.randomBytes(KEY_BYTES);
    this.file = file;
  }

  /** Whether this address sends more attempts than are looked at, and wrong ones. */
  isFlooding(address: string): boolean {
    return this.queue.isFlooded(address);
  }

  replace(file: UsersFile): void {
    this.file = file;
    this.remembered.clear();
  }

  /** Whether there is somebody who can log in so. */
  get offersScram(): boolean {
    for (const { scram } of this.file.users.values()) if (scram !== null) return true;
    return false;
  }

  /** Null when login or password is wrong. Nobody is told which, not by the time that it takes either. */
  async withPassword(address: string, login: string, password: string): Promise<User | null> {
    const name = preparedText(login);
    const user = this.file.users.get(name);
    const prepared = preparedPassword(password);
    if (prepared === null) return this.never(address, name);
    if (user === undefined || user.scrypt === null) {
      await this.compare(address, name, this.decoy, prepared);
      return null;
    }
    const key = this.macOf(user, user.scrypt, prepared);
    if (this.remembered.has(key)) return user;
    const asked = this.pending.get(key);
    if (asked !== undefined) return (await asked) ? this.current(user) : null;
    const answer = this.compare(address, name, user.scrypt, prepared);
    this.pending.set(key, answer);
    try {
      if (!(await answer)) return null;
    } finally {
      this.pending.delete(key);
    }
    if (this.file.users.get(name) === user) this.remember(key);
    return this.current(user);
  }

  /** Of a certificate that an authority vouches for, so there is nothing to guess. */
  userOf({ commonName }: PeerCertificate): User | null {
    return commonName === null ? null : (this.file.users.get(commonName) ?? null);
  }

  /** Null without a certificate, or when its name is none of a user. */
  async withCertificate(
    address: string,
    certificate: PeerCertificate | null,
  ): Promise<User | null> {
    const user = certificate === null ? null : this.userOf(certificate);
    return user ?? this.never(address, certificate?.commonName ?? '');
  }

  /** What went wrong before there was an attempt. */
  countFailure(address: string): void {
    this.queue.countFailure(address);
  }

  beginScram(address: string, message: Uint8Array): ScramAttempt | null {
    const keysOf = (user: string) => this.file.users.get(user)?.scram ?? this.decoyKeys(user);
    const first = answerScramFirst(this.cryptography, message, keysOf);
    return first === null ? null : { ...first, address };
  }

  async endScram(
    attempt: ScramAttempt,
    message: Uint8Array,
  ): Promise<{ readonly user: User; readonly message: Uint8Array } | null> {
    const { address, said } = attempt;
    const user = this.file.users.get(attempt.user);
    let answer: Uint8Array | null = null;
    const isRight = await this.queue.attempt(
      { address, user: keyOfName(attempt.user) },
      async () => {
        answer = answerScramFinal(this.cryptography, message, said);
        return answer !== null && user?.scram === said.keys;
      },
    );
    const current = isRight && user !== undefined ? this.current(user) : null;
    return current === null || answer === null ? null : { user: current, message: answer };
  }

  /** As it is now: the file may have changed while the password was looked at. */
  private current(user: User): User | null {
    const now = this.file.users.get(user.name);
    if (now === user) return user;
    const isSame =
      now?.scrypt != null &&
      user.scrypt !== null &&
      this.cryptography.isEqual(now.scrypt.hash, user.scrypt.hash) &&
      this.cryptography.isEqual(now.scrypt.salt, user.scrypt.salt);
    return isSame ? (now as User) : null;
  }

  private compare(
    address: string,
    name: string,
    verifier: ScryptVerifier,
    password: string,
  ): Promise<boolean> {
    return this.queue.attempt({ address, user: keyOfName(name) }, () =>
      isPasswordOf(this.cryptography, verifier, password),
    );
  }

  private async never(address: string, name: string): Promise<null> {
    await this.queue.attempt({ address, user: keyOfName(name) }, async () => false);
    return null;
  }

  /** Of nobody: looking at a password takes as long as that of a user. */
  private get decoy(): ScryptVerifier {
    for (const { scrypt } of this.file.users.values()) {
      if (scrypt !== null) return { ...scrypt, hash: this.ownKey };
    }
    return { ...SCRYPT_PARAMETERS, salt: this.ownKey.subarray(0, SALT_BYTES), hash: this.ownKey };
  }

  /** The same each time, and on each node, as those of a user would be. */
  private decoyKeys(name: string): ScramKeys {
    const { cryptography, file } = this;
    const key = file.unknownUsersKey ?? this.ownKey;
    const salt = cryptography.hmac(key, `salt ${name}`).subarray(0, SALT_BYTES);
    let iterations = SCRAM_ITERATIONS;
    for (const { scram } of file.users.values()) {
      if (scram === null) continue;
      iterations = scram.iterations;
      break;
    }
    return { iterations, salt, storedKey: this.ownKey, serverKey: this.ownKey };
  }

  private macOf(user: User, verifier: ScryptVerifier, password: string): string {
    const { cryptography, macKey } = this;
    const bound = Buffer.concat([
      verifier.salt,
      verifier.hash,
      Buffer.from(`${user.name}\0${password}`),
    ]);
    return Buffer.from(cryptography.hmac(macKey, bound)).toString('base64');
  }

  private remember(key: string): void {
    if (this.remembered.size >= MAX_REMEMBERED) {
      const [oldest] = this.remembered;
      if (oldest !== undefined) this.remembered.delete(oldest);
    }
    this.remembered.add(key);
  }
}

/** What is no name of a user is nobody's, however long it is. */
function keyOfName(name: string): string {
  return isUserName(name) ? name : '';
}
