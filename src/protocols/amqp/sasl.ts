/** The server's side of SASL (OASIS AMQP 1.0, part 5, 5.3): which mechanisms there are, and who the peer is. */
import { AmqpError, CONDITION, decodeError } from './amqp-error.js';
import { type Read, readFields } from './composite.js';
import type { FrameWriter } from './frame-writer.js';
import { SASL_INIT, SASL_MECHANISMS, SASL_OUTCOME } from './performatives.js';
import type { ValueReader } from './value-reader.js';

/** 5.3.3.6 */
const SASL_CODE = { ok: 0, auth: 1 } as const;

/** Whether these credentials may connect. */
export type Authenticate = (login: string | undefined, passcode: string | undefined) => boolean;

export class SaslServer {
  private readonly frames: FrameWriter;
  private readonly authenticate: Authenticate;

  constructor(frames: FrameWriter, authenticate: Authenticate) {
    this.frames = frames;
    this.authenticate = authenticate;
  }

  offer(): void {
    this.frames.sasl(SASL_MECHANISMS, { saslServerMechanisms: ['PLAIN', 'ANONYMOUS'] });
  }

  /** Returns whether the peer is let in; false: it was told, and the connection is over. */
  onFrame(reader: ValueReader): boolean {
    const descriptor = reader.descriptor();
    if (descriptor !== SASL_INIT.code && descriptor !== 'amqp:sasl-init:list') {
      throw new AmqpError(
        'connection',
        CONDITION.notAllowed,
        `SASL frame ${descriptor} came where sasl-init was expected`,
      );
    }
    const isLetIn = this.isKnown(readFields(reader, SASL_INIT));
    this.frames.sasl(SASL_OUTCOME, { code: isLetIn ? SASL_CODE.ok : SASL_CODE.auth });
    return isLetIn;
  }

  private isKnown({ mechanism, initialResponse }: Read<typeof SASL_INIT>): boolean {
    if (mechanism === 'ANONYMOUS') return this.authenticate(undefined, undefined);
    if (mechanism !== 'PLAIN') return false;
    const [, login, passcode] = partsOfPlain(initialResponse);
    return this.authenticate(login, passcode);
  }
}

/** RFC 4616: authorization identity, login and passcode, with a NUL before the second and the third. */
function partsOfPlain(response: Uint8Array | null): readonly string[] {
  const parts = Buffer.from(response ?? [])
    .toString('utf8')
    .split('\0');
  if (parts.length === 3) return parts;
  throw decodeError('The initial response of SASL PLAIN is not of three parts');
}
