/** How the session of a client finds out who it is; src/security/ is behind it. */
import type { BrokerEndpoint } from '../../broker/api.js';
import type { PeerCertificate } from '../../platform/ports.js';

/** Who the client is, and the broker as this user may use it. */
export interface Admission {
  readonly user: string;
  readonly broker: BrokerEndpoint;
}

/** A client's SCRAM-SHA-256 (RFC 5802), whose messages are opaque here. */
export interface ScramConversation {
  /** The answer to the client's first message; null when it cannot be one. */
  first(message: Uint8Array): Uint8Array | null;
  /** Null when the client has not proved itself. After a wrong one it takes its time. */
  final(
    message: Uint8Array,
  ): Promise<{ readonly admission: Admission; readonly message: Uint8Array } | null>;
}

/** Of one connection; left out where no users are required. */
export interface Authentication {
  /** That the client has shown, over TLS. */
  readonly certificate: PeerCertificate | null;
  /** Whether the certificate is that of a user. */
  readonly offersCertificate: boolean;
  /** Null without a certificate, or when its subject is no user, after a delay that grows with each. */
  withCertificate(): Promise<Admission | null>;
  /** Null for a login or passcode that is wrong, after a delay that grows with each. */
  withPassword(login: string, passcode: string): Promise<Admission | null>;
  /** Null: no user can log in so. */
  beginScram(): ScramConversation | null;
}
