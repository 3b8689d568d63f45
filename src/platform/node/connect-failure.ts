/** Why a connection could not be made, in words that help whoever asked for it. */
import { errnoOf, messageOf } from '../errors.js';

/** What a plain port answers to a TLS handshake is no TLS record. */
const NO_TLS = 'ERR_SSL_WRONG_VERSION_NUMBER';

/** Errors by which Node's TLS refuses the certificate of the other side. */
const UNTRUSTED =
  /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|HOSTNAME_MISMATCH$|ERR_TLS_CERT_ALTNAME_INVALID$)/;

/** Errors that come before anything was sent, besides those of TLS. */
const NO_WAY: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether nothing can have reached the other side. */
export function isBeforeAnySending(error: unknown): boolean {
  const code = codeOf(error);
  return code === NO_TLS || NO_WAY.has(code) || UNTRUSTED.test(code);
}

/** `where`: HOST:PORT. What went wrong, and how to mend it. */
export function connectSentence(where: string, error: unknown): string {
  const code = codeOf(error);
  if (code === NO_TLS) {
    return `Cannot connect to ${where}: that port speaks no TLS. Check the port, or connect to it without TLS.`;
  }
  if (UNTRUSTED.test(code)) {
    return `Cannot connect to ${where}: its certificate is refused here (${messageOf(error)}). Check the name in the address, and which authorities are trusted.`;
  }
  return `Cannot connect to ${where} (${reasonOf(error)}). Check the address, and that a node is running there.`;
}

/** OpenSSL puts addresses, places in its sources and line ends around the few words that count. */
function reasonOf(error: unknown): string {
  const words = (error as { readonly reason?: unknown } | null)?.reason;
  return errnoOf(error) ?? (typeof words === 'string' ? words : messageOf(error));
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code ?? '');
}
