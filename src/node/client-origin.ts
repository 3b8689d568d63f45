/**
 * Who stands behind a connection: a backup that passes a client through tells the live node the client's address,
 * in a line in front of its bytes. Believed is who knows the live node's key, which lies in the store
 * (docs/decisions/0025-whom-a-backup-passes-through.md). Main thread.
 */
import type { Cryptography } from '../platform/cryptography.js';
import type { Socket } from '../platform/ports.js';

/** No protocol of clients begins like this, nor does TLS. */
const WORD = Buffer.from('HOLDFAST-CLIENT ');
const LINE_END = '\r\n';
/** The longest address of a socket, and what stands around it. */
const MAX_LINE_BYTES = 256;
/** A node sends the line as soon as it is connected; whoever is silent for longer has none. */
const LIMIT_MS = 3_000;

export type OriginCryptography = Pick<Cryptography, 'hmac' | 'isEqual'>;

/** The line in front of the bytes of a client at `origin`. `key`: that of the node which reads it, as it stands in the store. */
export function originLine(
  origin: string,
  key: string,
  cryptography: OriginCryptography,
): Uint8Array {
  return Buffer.from(`${WORD}${origin} ${proofOf(origin, key, cryptography)}${LINE_END}`);
}

/** Whether somebody has told whose a connection is. `wrong`: without a proof that is right. */
type Told = 'nothing' | 'told' | 'wrong';

/**
 * Reads such a line, where there is one within the time, and has the socket say from then on whom it is of. One that
 * was made without the key is taken off and not believed: it may be of a node that knows an earlier run of this one.
 */
export async function learnOrigin(
  socket: Socket,
  key: string,
  cryptography: OriginCryptography,
  limitMs = LIMIT_MS,
): Promise<Told> {
  let told: Told = 'nothing';
  await socket.peek((bytes) => {
    const end = lineEnd(bytes);
    if (end === null || end === 0) return end;
    const line = Buffer.from(bytes.subarray(WORD.length, end - LINE_END.length)).toString('latin1');
    const [origin = '', proof = ''] = line.split(' ');
    const expected = proofOf(origin, key, cryptography);
    const isRight = cryptography.isEqual(Buffer.from(proof), Buffer.from(expected));
    if (isRight) socket.remoteAddress = origin;
    told = isRight ? 'told' : 'wrong';
    return end;
  }, limitMs);
  return told;
}

/** The length of the line with its end; 0 when there is none, null while there may be one. */
function lineEnd(bytes: Uint8Array): number | null {
  const compared = Math.min(bytes.length, WORD.length);
  if (WORD.compare(bytes, 0, compared, 0, compared) !== 0) return 0;
  const length = Math.min(bytes.length, MAX_LINE_BYTES);
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, length).indexOf(LINE_END);
  if (at >= 0) return at + LINE_END.length;
  return bytes.length < MAX_LINE_BYTES ? null : 0;
}

function proofOf(origin: string, key: string, cryptography: OriginCryptography): string {
  return Buffer.from(cryptography.hmac(Buffer.from(key, 'hex'), origin)).toString('hex');
}
