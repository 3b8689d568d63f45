/** Certificates of tests, made by OpenSSL's command as operators make them. */
import { execFile } from 'node:child_process';
import { appendFile, chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface MadeCertificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export interface Wishes {
  /** As `/O=Example/CN=ann`. */
  readonly subject?: string;
  /** Names that clients may connect by; none for that of a client. */
  readonly names?: string;
  /** For so long from now on; negative for one that has expired. */
  readonly days?: number;
}

/** An authority with a folder for what it signs. */
export class TestAuthority {
  readonly certificate: string;
  readonly key: string;
  readonly #folder: string;
  #serial = 0;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.certificate = join(folder, `${name}.crt`);
    this.key = join(folder, `${name}.key`);
  }

  static async make(folder: string, name = 'authority'): Promise<TestAuthority> {
    const authority = new TestAuthority(folder, name);
    const { certificate, key } = authority;
    const subject = ['-subj', `/CN=${name}`, '-days', '2'];
    await openssl('req', '-x509', ...NEW_KEY, '-keyout', key, '-out', certificate, ...subject);
    return authority;
  }

  /** Of a node: clients may connect to this machine by it. */
  forNode(name: string, wishes: Wishes = {}): Promise<MadeCertificate> {
    return this.sign(name, { names: 'DNS:localhost,IP:127.0.0.1', ...wishes });
  }

  async sign(name: string, { subject, names, days = 1 }: Wishes = {}): Promise<MadeCertificate> {
    this.#serial += 1;
    const base = join(this.#folder, `${name}-${this.#serial}`);
    const [certificate, key, request] = [`${base}.crt`, `${base}.key`, `${base}.csr`];
    const extensions = `${base}.ext`;
    const usage = `extendedKeyUsage=clientAuth${names === undefined ? '' : ',serverAuth'}`;
    const alternatives = names === undefined ? [] : [`subjectAltName=${names}`];
    await writeFile(extensions, [usage, ...alternatives, ''].join('\n'));
    const given = subject ?? `/O=Example/CN=${name}`;
    await openssl('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', given);
    await openssl(
      ...['x509', '-req', '-in', request, '-out', certificate, '-extfile', extensions],
      ...['-CA', this.certificate, '-CAkey', this.key, '-CAcreateserial', '-days', `${days}`],
    );
    await chmod(key, 0o600);
    return { certificate, key };
  }

  /** Writes what this authority has revoked, and these too; resolves with the path, the same each time. */
  async revoke(...made: readonly MadeCertificate[]): Promise<string> {
    const base = `${this.certificate}-revoked`;
    const [configuration, database, list] = [`${base}.cnf`, `${base}.txt`, `${base}.crl`];
    const lines = [`database=${database}`, 'default_md=sha256', 'default_crl_days=1', ''];
    await writeFile(configuration, ['[ca]', 'default_ca=own', '[own]', ...lines].join('\n'));
    await appendFile(database, '');
    const common = [
      'ca',
      '-config',
      configuration,
      '-keyfile',
      this.key,
      '-cert',
      this.certificate,
    ];
    for (const { certificate } of made) await openssl(...common, '-revoke', certificate);
    await openssl(...common, '-gencrl', '-out', `${list}.new`);
    await rename(`${list}.new`, list);
    return list;
  }

  /** For clients. */
  read(): Promise<string> {
    return readFile(this.certificate, 'utf8');
  }
}

/** The certificate of an authority, for a Java program, with the password `changeit`. */
export async function makeTrustStore(authority: TestAuthority, path: string): Promise<string> {
  const flags = ['-importcert', '-noprompt', '-alias', 'authority', '-storepass', 'changeit'];
  await run('keytool', [...flags, '-file', authority.certificate, '-keystore', path]);
  return path;
}

/** A certificate with its key, for a Java program, with the password `changeit`. */
export async function makeKeyStore(made: MadeCertificate, path: string): Promise<string> {
  const files = ['-in', made.certificate, '-inkey', made.key, '-out', path];
  await openssl('pkcs12', '-export', ...files, '-passout', 'pass:changeit');
  return path;
}

export async function openssl(...flags: readonly string[]): Promise<void> {
  await run('openssl', flags);
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
