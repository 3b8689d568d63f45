/**
 * The files behind TLS: read, and looked at closely before anybody relies on them, because what is wrong
 * with them shows otherwise only in clients, as a handshake that fails. No part of a key is ever in an error.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority?: string | undefined;
  readonly revocationList?: string | undefined;
}

export interface Credentials {
  /** Of the certificate that is shown, for people. */
  readonly subject: string;
  /** Until when it and those behind it are valid: milliseconds since 1970. */
  readonly validUntilMs: number;
  readonly certificate: string;
  readonly key: string;
  readonly authority: string | undefined;
  readonly revocationList: string | undefined;
}

const SETTING = {
  certificate: 'tls.certificate',
  key: 'tls.key',
  authority: 'tls.authority',
  revocationList: 'tls.revocationList',
} as const satisfies Record<keyof CertificateFiles, string>;
type FileKind = keyof typeof SETTING;

/** Others may do nothing, and the group may read: so Debian's ssl-cert and the secrets of Kubernetes have it. */
const FORBIDDEN_OF_KEY = 0o037;
/** A bundle of all public authorities is a quarter of it. */
const LARGEST_BYTES = 1024 * 1024;
const PEM_REVOCATION_LIST = /-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Throws CONFIG_INVALID, which names the setting, the file and how to mend it. `nowMs`: since 1970. */
export async function readCredentials(
  files: CertificateFiles,
  nowMs: number,
): Promise<Credentials> {
  const [certificate, key, authority, revocationList] = await Promise.all([
    readText('certificate', files.certificate),
    readText('key', files.key),
    files.authority === undefined ? undefined : readText('authority', files.authority),
    files.revocationList === undefined
      ? undefined
      : readText('revocationList', files.revocationList),
  ]);
  const [shown, ...others] = certificatesIn(certificate, 'certificate', files.certificate);
  if (authority !== undefined) certificatesIn(authority, 'authority', files.authority as string);
  if (revocationList !== undefined)
    checkRevocationLists(revocationList, files.revocationList as string);
  const chain = [shown as X509Certificate, ...others];
  for (const each of chain) checkValidity(each, files.certificate, nowMs);
  checkFit(chain, privateKeyIn(key, files.key), files);
  const credentials = {
    subject: subjectOf(chain[0] as X509Certificate),
    validUntilMs: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
    certificate,
    key,
    authority,
    revocationList,
  };
  try {
    createSecureContext(contextOptions(credentials));
  } catch (error) {
    const why = `is not accepted by OpenSSL: ${messageOf(error)}`;
    throw refused('certificate', files.certificate, why, 'Make a new one, of RSA or EC.');
  }
  return credentials;
}

/** As `tls` takes them for a server. */
export function contextOptions(credentials: Credentials): SecureContextOptions {
  const { certificate, key, authority, revocationList } = credentials;
  // Without authorities of its own, OpenSSL would take the public ones, which sign for anybody.
  const trust = { cert: certificate, key, ca: authority ?? [] };
  // With a list, OpenSSL wants one of every authority in the chain of a client.
  return revocationList === undefined ? trust : { ...trust, crl: listsIn(revocationList) };
}

/** Each on its own: of several in one text, `tls` takes the first. */
function listsIn(revocationList: string): string[] {
  return revocationList.match(PEM_REVOCATION_LIST) ?? [];
}

export function subjectOf(certificate: X509Certificate): string {
  return certificate.subject.split('\n').join(', ') || '(no subject)';
}

async function readText(kind: FileKind, path: string): Promise<string> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(path, 'r');
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT';
    const mend = isMissing
      ? 'Put it there, or correct the setting.'
      : 'Let the user that runs this node read it.';
    const why = isMissing ? 'does not exist' : `cannot be read (${errnoOf(error)})`;
    throw refused(kind, path, why, mend, error);
  }
  try {
    const { mode, size } = await handle.stat();
    if (kind === 'key' && (mode & FORBIDDEN_OF_KEY) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, '0');
      const why = `has the mode ${found}, so that others than its owner and its group may use it`;
      throw refused(kind, path, why, `Run: chmod 600 ${path}.`);
    }
    if (size > LARGEST_BYTES) throw refused(kind, path, 'is too large', 'Name a PEM file.');
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const why = `cannot be read (${errnoOf(error) ?? messageOf(error)})`;
    throw refused(kind, path, why, 'Name a PEM file.', error);
  } finally {
    await handle.close();
  }
}

/** One at least. */
function certificatesIn(text: string, kind: FileKind, path: string): X509Certificate[] {
  const found = text.match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0) {
    const mend = 'Name a PEM file, which has lines -----BEGIN CERTIFICATE-----.';
    throw refused(kind, path, 'holds no certificate', mend);
  }
  return found.map((pem, index) => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      const why = `holds a certificate that cannot be read, number ${index + 1} in it`;
      throw refused(kind, path, why, 'Copy it again.', error);
    }
  });
}

function checkRevocationLists(text: string, path: string): void {
  const lists = listsIn(text);
  if (lists.length === 0) {
    const mend = 'Name a PEM file, which has lines -----BEGIN X509 CRL-----.';
    throw refused('revocationList', path, 'holds no revocation list', mend);
  }
  for (const [index, crl] of lists.entries()) {
    try {
      createSecureContext({ crl });
    } catch (error) {
      const why = `holds a revocation list that cannot be read, number ${index + 1} in it`;
      throw refused('revocationList', path, why, 'Copy it again.', error);
    }
  }
}

function privateKeyIn(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    // What OpenSSL says of it is of no help, and nothing of the file shall be in a log.
    const isEncrypted = pem.includes('ENCRYPTED');
    throw isEncrypted
      ? refused(
          'key',
          path,
          'is protected by a passphrase',
          `Write it without: openssl pkey -in ${path} -out NEW.`,
        )
      : refused('key', path, 'holds no private key', 'Name a PEM file with a key of RSA or EC.');
  }
}

function checkValidity(certificate: X509Certificate, path: string, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  const which = subjectOf(certificate);
  if (nowMs > Date.parse(validTo)) {
    const why = `holds a certificate that has expired: that of ${which}, on ${validTo}`;
    throw refused('certificate', path, why, 'Renew it, or correct the clock of this host.');
  }
  if (nowMs < Date.parse(validFrom)) {
    const why = `holds a certificate that is not valid yet: that of ${which}, before ${validFrom}`;
    throw refused('certificate', path, why, 'Correct the clock of this host, or wait.');
  }
}

function checkFit(
  chain: readonly X509Certificate[],
  key: KeyObject,
  files: CertificateFiles,
): void {
  const fits = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (fits === 0) return;
  const mend =
    fits === -1
      ? `Take the two that were made together; the certificate is that of ${subjectOf(chain[0] as X509Certificate)}.`
      : `It is that of certificate number ${fits + 1} in the file: put that one first.`;
  const why = `is not the key of the certificate in ${files.certificate} (${SETTING.certificate})`;
  throw refused('key', files.key, why, mend);
}

function refused(
  kind: FileKind,
  path: string,
  why: string,
  mend: string,
  cause?: unknown,
): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', `${SETTING[kind]}: the file ${path} ${why}. ${mend}`, {
    cause,
  });
}
