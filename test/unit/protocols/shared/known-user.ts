/** An authentication that knows one user, and answers after the turn in which it was asked. */
import type { BrokerEndpoint } from '../../../../src/broker/api.js';
import type { PeerCertificate } from '../../../../src/platform/ports.js';
import type { Admission, Authentication } from '../../../../src/protocols/shared/authentication.js';

export class KnownUser implements Authentication {
  /** Who the user is let in to. */
  broker: BrokerEndpoint | null = null;
  readonly certificate: PeerCertificate | null;
  private readonly login: string;
  private readonly passcode: string;

  constructor(login: string, passcode: string, certificate: PeerCertificate | null = null) {
    this.login = login;
    this.passcode = passcode;
    this.certificate = certificate;
  }

  get offersCertificate(): boolean {
    return this.certificate?.commonName === this.login;
  }

  async withCertificate(): Promise<Admission | null> {
    const { broker, login, offersCertificate } = this;
    return offersCertificate && broker !== null ? { user: login, broker } : null;
  }

  async withPassword(login: string, passcode: string): Promise<Admission | null> {
    const isRight = login === this.login && passcode === this.passcode;
    return isRight && this.broker !== null ? { user: login, broker: this.broker } : null;
  }

  beginScram(): null {
    return null;
  }
}

/** Whatever promises were settled has been acted upon. */
export function endOfMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
