import { readFile } from 'node:fs/promises';
import { after, before } from 'node:test';
import { type Credentials, readCredentials } from '../../src/platform/node/certificates.js';
import { NodeNetwork, TlsNetwork } from '../../src/platform/node/network.js';
import { NodeTlsEndpoint } from '../../src/platform/node/tls-endpoint.js';
import type { Network } from '../../src/platform/ports.js';
import { TestAuthority } from '../support/certificates.js';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.js';
import { describeNetwork } from './network-contract.js';

let directory: TemporaryDirectory;
let credentials: Credentials;
let trusted: string;

before(async () => {
  directory = await makeTemporaryDirectory();
  const authority = await TestAuthority.make(directory.path);
  credentials = await readCredentials(await authority.forNode('node'), Date.now());
  trusted = await readFile(authority.certificate, 'utf8');
});
after(() => directory.remove());

const fail = (error: Error): never => {
  throw error;
};

/** Each connection is made secure as soon as it was accepted. */
function securing(network: Network, endpoint: NodeTlsEndpoint): Network {
  return {
    connect: (address, timeoutMs) => network.connect(address, timeoutMs),
    listen: (address, onConnection) =>
      network.listen(address, (socket) => {
        endpoint.secure(socket).then(onConnection, () => undefined);
      }),
  };
}

describeNetwork('TLS on node:net', async () => {
  const endpoint = new NodeTlsEndpoint({
    credentials,
    clientCertificates: 'none',
    minimumVersion: 'TLSv1.2',
    handshakeTimeoutMs: 5_000,
    onRefused: () => undefined,
  });
  return {
    server: securing(new NodeNetwork(fail), endpoint),
    client: new TlsNetwork({ authority: trusted }, fail),
    host: '127.0.0.1',
    dispose: async () => endpoint.destroy(),
  };
});
