/**
 * What the client did wrong, in the two parts that an ERROR frame has room for: a short `summary`
 * for its `message` header, and `detail`, which says where and how to mend it, for its body.
 */
import { type ErrorCode, HoldfastError } from '../../platform/errors.js';

export class StompError extends HoldfastError {
  readonly summary: string;
  readonly detail: string;

  constructor(
    summary: string,
    detail: string,
    code: Extract<
      ErrorCode,
      'CLIENT_FAILED' | 'LIMIT_EXCEEDED' | 'ACCESS_DENIED'
    > = 'CLIENT_FAILED',
  ) {
    super(code, `${summary}. ${detail}`);
    this.name = 'StompError';
    this.summary = summary;
    this.detail = detail;
  }
}

/** A limit of the configuration was passed: names what, the limit, and the key that sets it. */
export function limitExceeded(what: string, limit: number, key: string): StompError {
  return new StompError(
    `${what} over the limit of ${limit}`,
    `The limit is set by ${key} in the broker's configuration; send less at once or raise it.`,
    'LIMIT_EXCEEDED',
  );
}

export function loginRefused(): StompError {
  return new StompError(
    'Login or passcode is wrong',
    'Send the headers login and passcode of a user of this broker; after wrong ones it takes longer to answer.',
    'ACCESS_DENIED',
  );
}

/** `subject`: of the certificate that the client has shown. */
export function certificateRefused(subject: string): StompError {
  return new StompError(
    'No user has the name in this certificate',
    `The certificate is that of ${subject}, and its common name (CN) is no user of this broker; add the user, show another certificate, or send the headers login and passcode.`,
    'ACCESS_DENIED',
  );
}
