/** An authority, certificates of nodes and clients, and users: what a pair over TLS needs. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type MadeCertificate, TestAuthority } from './certificates.js';
import type { Settings } from './node-process.js';
import { temporaryDirectoryOf } from './temporary-directory.js';
import { TestStore } from './test-store.js';
import { makeUsersFile } from './users.js';

const EVERYTHING = ['>: send consume browse create manage'];

export interface TlsScene {
  readonly folder: string;
  readonly store: TestStore;
  readonly authority: TestAuthority;
  /** PEM, for clients. */
  readonly trusted: string;
  /** Of both nodes. */
  readonly node: MadeCertificate;
  readonly usersFile: string;
}

/** Users: `pat` with a password, and `ann`, who has none and comes with a certificate. */
export async function tlsScene(t: TestContext, settings: Settings = {}): Promise<TlsScene> {
  const directory = await temporaryDirectoryOf(t);
  const folder = directory;
  const authority = await TestAuthority.make(folder);
  const node = await authority.forNode('node');
  const usersFile = join(folder, 'users.yaml');
  await makeUsersFile(usersFile, { all: EVERYTHING }, { pat: ['all'] });
  await appendFile(usersFile, '  ann: { roles: [all] }\n');
  const store = await TestStore.make(t, {
    HOLDFAST_SECURITY_USERS_FILE: usersFile,
    ...tlsSettings(node, authority),
    ...settings,
  });
  return { folder, store, authority, trusted: await authority.read(), node, usersFile };
}

/** Every listener, with certificates of clients that may be shown. */
export function tlsSettings(node: MadeCertificate, authority: TestAuthority): Settings {
  return {
    HOLDFAST_TLS_CERTIFICATE: node.certificate,
    HOLDFAST_TLS_KEY: node.key,
    HOLDFAST_TLS_AUTHORITY: authority.certificate,
    HOLDFAST_STOMP_TLS_LISTEN: '127.0.0.1:0',
    HOLDFAST_STOMP_CLIENT_CERTIFICATES: 'optional',
    HOLDFAST_AMQP_TLS_LISTEN: '127.0.0.1:0',
    HOLDFAST_AMQP_CLIENT_CERTIFICATES: 'optional',
    HOLDFAST_ADMIN_TLS_LISTEN: '127.0.0.1:0',
  };
}

/** As `tls` of Node takes them. */
export async function readPair({ certificate, key }: MadeCertificate) {
  return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
}
