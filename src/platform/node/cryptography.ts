/** The real cryptography: what is slow runs in libuv's threads. */
import {
  createHash,
  createHmac,
  pbkdf2,
  randomBytes,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Cryptography } from '../cryptography.js';

const scryptAsync = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);
const SHA256_BYTES = 32;
/** Beside the 128 * N * r bytes of the algorithm itself. */
const SPARE_MEMORY_BYTES = 1024 * 1024;

export const nodeCryptography: Cryptography = Object.freeze({
  scrypt(password, salt, { cost, blockSize, parallelization }, length) {
    return scryptAsync(password, salt, length, {
      N: cost,
      r: blockSize,
      p: parallelization,
      maxmem: 128 * blockSize * (cost + parallelization) + SPARE_MEMORY_BYTES,
    });
  },

  pbkdf2(password, salt, iterations) {
    return pbkdf2Async(password, salt, iterations, SHA256_BYTES, 'sha256');
  },

  hmac(key, text) {
    return createHmac('sha256', key).update(text).digest();
  },

  sha256(bytes) {
    return createHash('sha256').update(bytes).digest();
  },

  isEqual(one, other) {
    return one.length === other.length && timingSafeEqual(one, other);
  },

  randomBytes(count) {
    return randomBytes(count);
  },
} satisfies Cryptography);
