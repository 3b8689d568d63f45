/**
 * The server's side of SASL (OASIS AMQP 1.0, part 5, 5.3): which mechanisms there are, and who the peer is.
 * Without users everybody is let in as whoever they say; with users nobody is anonymous.
 */
import type { Admission, Authentication, ScramConversation } from '../shared/authentication.js';
import { AmqpError, CONDITION, decodeError } from './amqp-error.js';
import { readFields } from './composite.js';
import type { FrameWriter } from './frame-writer.js';
import {
  SASL_CHALLENGE,
  SASL_INIT,
  SASL_MECHANISMS,
  SASL_OUTCOME,
  SASL_RESPONSE,
} from './performatives.js';
import type { ValueReader } from './value-reader.js';

/** 5.3.3.6 */
const SASL_CODE = { ok: 0, auth: 1, systemTemporary: 4 } as const;
const MECHANISM = {
  anonymous: 'ANONYMOUS',
  plain: 'PLAIN',
  scram: 'SCRAM-SHA-256',
  external: 'EXTERNAL',
} as const;
const NO_BYTES = new Uint8Array(0);
const PARTS_OF_PLAIN = 3;

/** `more`: the peer goes on. `over`: it was told that it is not let in. */
export type SaslStep = 'let-in' | 'over' | 'more';

type Answer = (message: Uint8Array) => SaslStep | Promise<SaslStep>;

export class SaslServer {
  /** Who the peer is, once it is let in by a user. */
  admission: Admission | null = null;
  private readonly frames: FrameWriter;
  private readonly authentication: Authentication | undefined;
  /** What is done with the next message of the mechanism; null before there is one. */
  private answer: Answer | null = null;

  constructor(frames: FrameWriter, authentication: Authentication | undefined) {
    this.frames = frames;
    this.authentication = authentication;
  }

  offer(): void {
    this.frames.sasl(SASL_MECHANISMS, { saslServerMechanisms: this.mechanisms() });
  }

  /** Whoever awaits the step reads nothing more meanwhile. */
  onFrame(reader: ValueReader): SaslStep | Promise<SaslStep> {
    const descriptor = reader.descriptor();
    if (this.answer === null) {
      if (descriptor !== SASL_INIT.code && descriptor !== 'amqp:sasl-init:list') {
        throw unexpected(descriptor, 'sasl-init');
      }
      const { mechanism, initialResponse } = readFields(reader, SASL_INIT);
      return this.begin(mechanism, initialResponse);
    }
    if (descriptor !== SASL_RESPONSE.code && descriptor !== 'amqp:sasl-response:list') {
      throw unexpected(descriptor, 'sasl-response');
    }
    return this.answer(readFields(reader, SASL_RESPONSE).response);
  }

  private mechanisms(): readonly string[] {
    const { authentication } = this;
    if (authentication === undefined) return [MECHANISM.plain, MECHANISM.anonymous];
    return [
      // Clients prefer it: with the certificate of nobody they could not log in by a password then.
      ...(authentication.offersCertificate ? [MECHANISM.external] : []),
      ...(authentication.beginScram() === null ? [] : [MECHANISM.scram]),
      MECHANISM.plain,
    ];
  }

  private begin(mechanism: string, initial: Uint8Array | null): SaslStep | Promise<SaslStep> {
    if (mechanism === MECHANISM.external && this.authentication !== undefined) {
      return this.beginExternal(this.authentication, initial);
    }
    if (!this.mechanisms().includes(mechanism)) return this.refuse();
    if (mechanism === MECHANISM.anonymous) return this.letIn();
    const scram = mechanism === MECHANISM.scram ? this.authentication?.beginScram() : null;
    this.answer =
      scram == null
        ? (message) => this.plain(message)
        : (message) => this.scramFirst(scram, message);
    // RFC 4422, 3: without its first words the client is asked for them.
    return initial === null ? this.challenge(NO_BYTES) : this.answer(initial);
  }

  /** RFC 4422, appendix A: the client says nothing, or who it wants to be, which can only be its own user. */
  private beginExternal(
    authentication: Authentication,
    initial: Uint8Array | null,
  ): SaslStep | Promise<SaslStep> {
    this.answer = (message) => {
      const identity = Buffer.from(message).toString('utf8');
      const asked = authentication.withCertificate();
      const own = asked.then((admission) =>
        identity === '' || identity === admission?.user ? admission : null,
      );
      return this.finish(own, () => NO_BYTES);
    };
    return initial === null ? this.challenge(NO_BYTES) : this.answer(initial);
  }

  private plain(message: Uint8Array): SaslStep | Promise<SaslStep> {
    const [identity, login, passcode] = partsOfPlain(message) as [string, string, string];
    if (this.authentication === undefined) return this.letIn();
    // Nobody acts for another here.
    if (identity !== '' && identity !== login) return this.refuse();
    return this.finish(this.authentication.withPassword(login, passcode), () => NO_BYTES);
  }

  private scramFirst(scram: ScramConversation, message: Uint8Array): SaslStep {
    const challenge = scram.first(message);
    if (challenge === null) return this.refuse();
    this.answer = (final) => this.scramFinal(scram, final);
    return this.challenge(challenge);
  }

  private scramFinal(scram: ScramConversation, message: Uint8Array): Promise<SaslStep> {
    let proof: Uint8Array = NO_BYTES;
    const admission = scram.final(message.slice()).then((answer) => {
      proof = answer?.message ?? NO_BYTES;
      return answer?.admission ?? null;
    });
    return this.finish(admission, () => proof);
  }

  private async finish(
    asked: Promise<Admission | null>,
    additionalData: () => Uint8Array,
  ): Promise<SaslStep> {
    try {
      this.admission = await asked;
    } catch {
      // There is a code for it and no place for a reason, which the listener has logged.
      this.frames.sasl(SASL_OUTCOME, { code: SASL_CODE.systemTemporary });
      return 'over';
    }
    return this.admission === null ? this.refuse() : this.letIn(additionalData());
  }

  private challenge(challenge: Uint8Array): SaslStep {
    this.frames.sasl(SASL_CHALLENGE, { challenge });
    return 'more';
  }

  private letIn(data: Uint8Array = NO_BYTES): SaslStep {
    const additionalData = data.length === 0 ? null : data;
    this.frames.sasl(SASL_OUTCOME, { code: SASL_CODE.ok, additionalData });
    return 'let-in';
  }

  private refuse(): SaslStep {
    this.frames.sasl(SASL_OUTCOME, { code: SASL_CODE.auth });
    return 'over';
  }
}

function unexpected(descriptor: number | string, expected: string): AmqpError {
  const sentence = `SASL frame ${descriptor} came where ${expected} was expected`;
  return new AmqpError('connection', CONDITION.notAllowed, sentence);
}

/** RFC 4616: authorization identity, login and passcode, with a NUL before the second and the third. */
function partsOfPlain(response: Uint8Array): readonly string[] {
  const parts = Buffer.from(response).toString('utf8').split('\0');
  if (parts.length === PARTS_OF_PLAIN) return parts;
  throw decodeError('The initial response of SASL PLAIN is not of three parts');
}
