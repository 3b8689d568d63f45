/** Who a client of STOMP is, as its CONNECT says or its certificate. */
import type { Admission, Authentication } from '../shared/authentication.js';
import type { Negotiated } from './negotiation.js';
import { certificateRefused, loginRefused, type StompError } from './stomp-error.js';

/** Who neither names a user nor has a passcode is who its certificate says. Throws without one. */
export function askWho(
  { login, passcode }: Negotiated,
  authentication: Authentication,
): Promise<Admission | null> {
  if (login !== undefined && passcode !== undefined) {
    return authentication.withPassword(login, passcode);
  }
  if (login !== undefined || passcode !== undefined) throw loginRefused();
  if (authentication.certificate === null) throw loginRefused();
  return authentication.withCertificate();
}

export function refusalOf(
  { login }: Negotiated,
  authentication: Authentication | undefined,
): StompError {
  const certificate = authentication?.certificate;
  return login === undefined && certificate != null
    ? certificateRefused(certificate.subject)
    : loginRefused();
}
