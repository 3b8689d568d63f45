/**
 * What is kept of a password: enough to recognise it, and as little as possible to guess it by. In the
 * users file each is one line of text with its parameters, so that they may differ and be raised.
 */
import type { Cryptography, ScryptParameters } from '../platform/cryptography.js';

export interface ScryptVerifier extends ScryptParameters {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** RFC 5802, 3: whoever has them can check a client's proof; with `serverKey` also pose as the broker. */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** 16 MiB and some 50 ms for each try. */
export const SCRYPT_PARAMETERS: ScryptParameters = {
  cost: 16_384,
  blockSize: 8,
  parallelization: 1,
};
/** RFC 7677, 4 asks for 4,096 at least; every client of SCRAM computes them at each connection. */
export const SCRAM_ITERATIONS = 16_384;

/** So that a file cannot make a node take gigabytes, or minutes, for each login. */
const LARGEST = { cost: 1 << 20, memoryBytes: 256 * 1024 * 1024, iterations: 1_000_000 } as const;
const SMALLEST = { cost: 1_024, iterations: 4_096, saltBytes: 8 } as const;

/** `password` as `requirePassword` gives it. */
export async function makeScryptVerifier(
  cryptography: Cryptography,
  password: string,
): Promise<ScryptVerifier> {
  const salt = cryptography.randomBytes(SALT_BYTES);
  const hash = await cryptography.scrypt(password, salt, SCRYPT_PARAMETERS, HASH_BYTES);
  return { ...SCRYPT_PARAMETERS, salt, hash };
}

export async function isPasswordOf(
  cryptography: Cryptography,
  verifier: ScryptVerifier,
  password: string,
): Promise<boolean> {
  const hash = await cryptography.scrypt(password, verifier.salt, verifier, verifier.hash.length);
  return cryptography.isEqual(hash, verifier.hash);
}

export async function makeScramKeys(
  cryptography: Cryptography,
  password: string,
  salt = cryptography.randomBytes(SALT_BYTES),
  iterations = SCRAM_ITERATIONS,
): Promise<ScramKeys> {
  const salted = await cryptography.pbkdf2(password, salt, iterations);
  const storedKey = cryptography.sha256(cryptography.hmac(salted, 'Client Key'));
  return { iterations, salt, storedKey, serverKey: cryptography.hmac(salted, 'Server Key') };
}

/** `N=16384 r=8 p=1 salt=... hash=...` */
export function formatScrypt(verifier: ScryptVerifier): string {
  const { cost, blockSize, parallelization, salt, hash } = verifier;
  return `N=${cost} r=${blockSize} p=${parallelization} salt=${base64(salt)} hash=${base64(hash)}`;
}

/** Null when it is none, or its parameters are out of bounds. */
export function parseScrypt(text: string): ScryptVerifier | null {
  const values = valuesOf(text, ['N', 'r', 'p', 'salt', 'hash']);
  if (values === null) return null;
  const [cost, blockSize, parallelization] = values.slice(0, 3).map(Number) as [
    number,
    number,
    number,
  ];
  const [salt, hash] = values.slice(3).map(bytesOf) as [Uint8Array, Uint8Array];
  const isPower = Number.isInteger(Math.log2(cost));
  const isBounded =
    cost >= SMALLEST.cost && cost <= LARGEST.cost && blockSize >= 1 && parallelization >= 1;
  const memoryBytes = 128 * blockSize * (cost + parallelization);
  if (!isPower || !isBounded || memoryBytes > LARGEST.memoryBytes || parallelization > 16)
    return null;
  if (salt.length < SMALLEST.saltBytes || hash.length !== HASH_BYTES) return null;
  return { cost, blockSize, parallelization, salt, hash };
}

/** `i=4096 salt=... stored=... server=...` */
export function formatScram({ iterations, salt, storedKey, serverKey }: ScramKeys): string {
  return `i=${iterations} salt=${base64(salt)} stored=${base64(storedKey)} server=${base64(serverKey)}`;
}

/** Null as with `parseScrypt`. */
export function parseScram(text: string): ScramKeys | null {
  const values = valuesOf(text, ['i', 'salt', 'stored', 'server']);
  if (values === null) return null;
  const iterations = Number(values[0]);
  const [salt, storedKey, serverKey] = values.slice(1).map(bytesOf) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (!(iterations >= SMALLEST.iterations && iterations <= LARGEST.iterations)) return null;
  if (salt.length < SMALLEST.saltBytes) return null;
  if (storedKey.length !== HASH_BYTES || serverKey.length !== HASH_BYTES) return null;
  return { iterations, salt, storedKey, serverKey };
}

function valuesOf(text: string, names: readonly string[]): readonly string[] | null {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== names.length) return null;
  const values: string[] = [];
  for (const [index, name] of names.entries()) {
    const part = parts[index] as string;
    if (!part.startsWith(`${name}=`)) return null;
    const value = part.slice(name.length + 1);
    const isNumber = name.length === 1;
    if (!(isNumber ? /^\d{1,9}$/ : /^[A-Za-z0-9+/]+={0,2}$/).test(value)) return null;
    values.push(value);
  }
  return values;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
