/**
 * The server's side of TLS. It takes connections that were accepted without it, so that a backup can pass
 * through those of clients as they are, and the live node ends their TLS (docs/decisions/0022-tls-through-a-backup.md).
 */
import type { Socket as Stream } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';
import type { PeerCertificate, Socket, TlsEndpoint } from '../ports.js';
import { type Credentials, contextOptions, subjectOf } from './certificates.js';
import { NodeSocket, remoteAddressOf } from './network.js';

type ClientCertificates = 'none' | 'optional' | 'required';
type MinimumVersion = 'TLSv1.2' | 'TLSv1.3';

export interface TlsEndpointOptions {
  readonly credentials: Credentials;
  readonly clientCertificates: ClientCertificates;
  readonly minimumVersion: MinimumVersion;
  /** From the first byte to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** No handshake came about. */
  readonly onRefused: (refusal: TlsRefusal) => void;
}

interface TlsRefusal {
  /** Of the client, HOST:PORT. */
  readonly remoteAddress: string;
  /** To follow "No TLS with this client:". */
  readonly reason: string;
  /**
   * `certificate`: that of the client, or the want of one. `handshake`: the two could not agree, or the client
   * does not trust this node's certificate. `gone`: it ended the connection, as those do who only look at ports.
   */
  readonly kind: 'certificate' | 'handshake' | 'gone';
}

interface Pending {
  readonly resolve: (secured: TLSSocket) => void;
  failure: Error | null;
}

/** The handshake was done, but the client's certificate is not good enough. */
class CertificateRefused extends Error {}

export class NodeTlsEndpoint implements TlsEndpoint {
  private readonly options: TlsEndpointOptions;
  private readonly server: Server;
  /** Handshakes under way. */
  private readonly pending = new Map<string, Pending>();
  private readonly streams = new Set<Stream>();

  constructor(options: TlsEndpointOptions) {
    const { clientCertificates, credentials, handshakeTimeoutMs } = options;
    this.options = options;
    this.server = createServer({
      ...this.contextOptions(credentials),
      requestCert: clientCertificates !== 'none',
      // Looked at here: Node would only close the connection, and nobody would know why.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.server.on('secureConnection', (secured: TLSSocket) => this.onSecured(secured));
    this.server.on('tlsClientError', (error, secured) => {
      const pending = this.pending.get(keyOf(secured));
      if (pending !== undefined) pending.failure ??= error;
      secured.destroy();
    });
  }

  /** For the handshakes that begin from now on. Connections stay as they are. */
  use(credentials: Credentials): void {
    this.server.setSecureContext(this.contextOptions(credentials));
  }

  async secure(socket: Socket): Promise<Socket> {
    if (!(socket instanceof NodeSocket)) throw new Error('Only sockets of Node can be encrypted.');
    const { stream, remoteAddress } = socket;
    const secured = await this.secureStream(stream, remoteAddress);
    return new NodeSocket(secured, remoteAddress, { certificate: certificateOf(secured) });
  }

  /** The same for those who need a stream of Node, as its web server does. */
  secureStream(stream: Stream, remoteAddress = remoteAddressOf(stream)): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      if (stream.destroyed) {
        reject(failed('the connection is closed'));
        return;
      }
      const key = keyOf(stream);
      const onClose = (): void => {
        this.pending.delete(key);
        this.streams.delete(stream);
        reject(this.tellRefused(remoteAddress, pending.failure));
      };
      const pending: Pending = {
        failure: null,
        resolve: (secured) => {
          this.pending.delete(key);
          this.streams.delete(stream);
          stream.off('close', onClose);
          resolve(secured);
        },
      };
      stream.once('close', onClose);
      this.pending.set(key, pending);
      this.streams.add(stream);
      this.server.emit('connection', stream);
    });
  }

  /** Cuts off who is in the middle of a handshake. */
  destroy(): void {
    for (const stream of this.streams) stream.destroy();
  }

  private contextOptions(credentials: Credentials): SecureContextOptions {
    const { minimumVersion } = this.options;
    return { ...contextOptions(credentials), minVersion: minimumVersion };
  }

  private onSecured(secured: TLSSocket): void {
    const pending = this.pending.get(keyOf(secured));
    // Closed in this moment: then the stream below it tells so.
    if (pending === undefined) {
      secured.destroy();
      return;
    }
    pending.failure = this.faultOf(secured);
    if (pending.failure === null) pending.resolve(secured);
    else secured.destroy();
  }

  /** A certificate that nobody vouches for is refused where none is needed, too: somebody relies on it. */
  private faultOf(secured: TLSSocket): CertificateRefused | null {
    const { clientCertificates } = this.options;
    if (clientCertificates === 'none' || secured.authorized) return null;
    const certificate = secured.getPeerX509Certificate();
    if (certificate !== undefined) {
      const why = `the certificate of ${subjectOf(certificate)} is not trusted (${secured.authorizationError})`;
      return new CertificateRefused(why);
    }
    if (clientCertificates === 'optional') return null;
    return new CertificateRefused('it has shown no certificate, which is required');
  }

  private tellRefused(remoteAddress: string, failure: Error | null): HoldfastError {
    const refusal = { remoteAddress, ...explained(failure) };
    this.options.onRefused(refusal);
    return failed(refusal.reason);
  }
}

function explained(failure: Error | null): Omit<TlsRefusal, 'remoteAddress'> {
  if (failure instanceof CertificateRefused)
    return { kind: 'certificate', reason: failure.message };
  // OpenSSL's few words, as `tlsv1 alert unknown ca`; its messages have addresses in memory and lines of its sources.
  const words = (failure as { readonly reason?: unknown } | null)?.reason;
  if (typeof words === 'string') return { kind: 'handshake', reason: words };
  const isGone = failure === null || errnoOf(failure) !== undefined;
  return {
    kind: isGone ? 'gone' : 'handshake',
    reason: failure === null ? 'it closed the connection' : messageOf(failure),
  };
}

function failed(reason: string): HoldfastError {
  return new HoldfastError('CLIENT_FAILED', `No TLS with this client: ${reason}.`);
}

/** Both ends of it: the same before and after the handshake, and different for any two at one time. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Stream): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function certificateOf(secured: TLSSocket): PeerCertificate | null {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined || !secured.authorized) return null;
  // A subject may have several of them, whatever the type says.
  const name: unknown = secured.getPeerCertificate().subject?.CN;
  return {
    subject: subjectOf(certificate),
    commonName: typeof name === 'string' ? name : null,
  };
}
