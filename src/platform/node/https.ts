/** HTTPS of a node: its web server behind a TLS endpoint, and its calls of other nodes' web servers. */
import type { Server as WebServer } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import type { HostPort, Listener } from '../ports.js';
import type { Credentials } from './certificates.js';
import type { NodeNetwork } from './network.js';
import type { NodeTlsEndpoint } from './tls-endpoint.js';

/** Requests that come over TLS are answered by `server`, as those that come to its own port. Throws ADDRESS_IN_USE. */
export function listenHttps(
  network: NodeNetwork,
  address: HostPort,
  endpoint: NodeTlsEndpoint,
  server: WebServer,
): Promise<Listener> {
  return network.listen(address, (socket) => {
    endpoint.secureStream(socket.stream).then(
      (secured) => server.emit('connection', secured),
      // The endpoint has told of it.
      () => undefined,
    );
  });
}

export interface SecureCall {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/**
 * As `fetch`, which takes no authorities: the other side has to have a certificate of `tls.authority`, or of a
 * public one, for the name in the URL, and is shown that of this node when it asks. Follows no redirect.
 */
export function callHttps(
  url: string,
  { method, headers, body, signal }: SecureCall,
  { certificate, key, authority }: Pick<Credentials, 'certificate' | 'key' | 'authority'>,
): Promise<Response> {
  const ca = authority === undefined ? rootCertificates : [...rootCertificates, authority];
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method,
      headers: Object.fromEntries(headers),
      signal,
      // Of its own each time: the certificate may change.
      agent: false,
      ...{ cert: certificate, key, ca: [...ca] },
    });
    call.once('error', reject);
    call.once('response', (answer) => {
      const status = answer.statusCode ?? 500;
      const type = answer.headers['content-type'];
      const isEmpty = status === 204 || status === 304;
      const content = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream);
      if (isEmpty) answer.resume();
      resolve(
        new Response(content, {
          status,
          headers: type === undefined ? {} : { 'content-type': type },
        }),
      );
    });
    call.end(body);
  });
}
