/**
 * The server's side of SCRAM-SHA-256 (RFC 5802 with the hash of RFC 7677): the client shows that it knows
 * the password without sending it, and is shown that this server knows its keys. Without channel binding.
 */
import type { Cryptography } from '../platform/cryptography.js';
import { preparedText } from './prepared-text.js';
import type { ScramKeys } from './verifiers.js';

const NONCE_BYTES = 18;
const MAX_MESSAGE_BYTES = 4_096;
/** RFC 5802, 7: printable, and no comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

export interface ScramFirst {
  readonly user: string;
  /** What the server says to it. */
  readonly challenge: Uint8Array;
  /** To be continued with: what both sides have said so far. */
  readonly said: ScramSaid;
}

interface ScramSaid {
  readonly gs2Header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  readonly nonce: string;
  readonly keys: ScramKeys;
}

/** Null for what is no first message, or wants what is not offered: channel binding, another's identity. */
export function answerScramFirst(
  cryptography: Cryptography,
  message: Uint8Array,
  keysOf: (user: string) => ScramKeys,
  serverNonce = Buffer.from(cryptography.randomBytes(NONCE_BYTES)).toString('base64'),
): ScramFirst | null {
  const text = textOf(message);
  const match =
    /^(?<gs2>(?:n|y),(?:a=(?<identity>[^,]+))?,)(?<bare>n=(?<user>[^,]+),r=(?<nonce>[^,]+)(?:,.*)?)$/s.exec(
      text ?? '',
    )?.groups;
  if (match === undefined || !NONCE.test(match.nonce as string)) return null;
  const user = nameOf(match.user as string);
  const identity = match.identity === undefined ? user : nameOf(match.identity);
  if (user === null || identity !== user) return null;
  const keys = keysOf(user);
  const nonce = `${match.nonce}${serverNonce}`;
  const salt = Buffer.from(keys.salt).toString('base64');
  const serverFirst = `r=${nonce},s=${salt},i=${keys.iterations}`;
  const said = {
    gs2Header: match.gs2 as string,
    clientFirstBare: match.bare as string,
    serverFirst,
    nonce,
    keys,
  };
  return { user, challenge: Buffer.from(serverFirst), said };
}

/** What the server proves itself with; null when the client's proof is wrong. */
export function answerScramFinal(
  cryptography: Cryptography,
  message: Uint8Array,
  { gs2Header, clientFirstBare, serverFirst, nonce, keys }: ScramSaid,
): Uint8Array | null {
  const text = textOf(message) ?? '';
  const match =
    /^(?<without>c=(?<binding>[^,]+),r=(?<nonce>[^,]+)(?:,.*)?),p=(?<proof>[^,]+)$/s.exec(
      text,
    )?.groups;
  if (match === undefined || match.nonce !== nonce) return null;
  if (match.binding !== Buffer.from(gs2Header).toString('base64')) return null;
  const proof = Buffer.from(match.proof as string, 'base64');
  const authMessage = `${clientFirstBare},${serverFirst},${match.without}`;
  const signature = cryptography.hmac(keys.storedKey, authMessage);
  if (proof.length !== signature.length) return null;
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] as number));
  if (!cryptography.isEqual(cryptography.sha256(clientKey), keys.storedKey)) return null;
  const serverSignature = cryptography.hmac(keys.serverKey, authMessage);
  return Buffer.from(`v=${Buffer.from(serverSignature).toString('base64')}`);
}

/** RFC 5802, 5.1: `=2C` is a comma, `=3D` an equals sign, and nothing else begins with one. */
function nameOf(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null;
  return preparedText(text.replaceAll('=2C', ',').replaceAll('=3D', '='));
}

function textOf(message: Uint8Array): string | null {
  if (message.length > MAX_MESSAGE_BYTES) return null;
  const text = Buffer.from(message).toString('utf8');
  return text.includes('\0') ? null : text;
}
