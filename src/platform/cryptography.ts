/** What passwords need of cryptography, so that everything that uses it takes no I/O and no thread of its own. */

/** RFC 7914: `cost` is N, a power of two; memory is 128 * cost * blockSize bytes. */
export interface ScryptParameters {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

export interface Cryptography {
  /** In another thread, for tens of milliseconds: it was made to be slow. */
  scrypt(
    password: string,
    salt: Uint8Array,
    parameters: ScryptParameters,
    length: number,
  ): Promise<Uint8Array>;
  /** RFC 8018, with HMAC-SHA-256 and 32 bytes; in another thread. `Hi` of RFC 5802. */
  pbkdf2(password: string, salt: Uint8Array, iterations: number): Promise<Uint8Array>;
  hmac(key: Uint8Array, text: string | Uint8Array): Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
  /** Takes as long for every two of the same length, whatever is in them. */
  isEqual(one: Uint8Array, other: Uint8Array): boolean;
  /** `count` unpredictable bytes. */
  randomBytes(count: number): Uint8Array;
}
