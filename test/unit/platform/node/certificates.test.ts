/** What a node says of each file that would not do; OpenSSL makes them as operators do. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HoldfastError } from '../../../../src/platform/errors.js';
import {
  type CertificateFiles,
  readCredentials,
} from '../../../../src/platform/node/certificates.js';
import { type MadeCertificate, openssl, TestAuthority } from '../../../support/certificates.js';
import {
  makeTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../support/temporary-directory.js';

const DAY_MS = 86_400_000;

let directory: TemporaryDirectory;
let authority: TestAuthority;
let good: MadeCertificate;
let other: MadeCertificate;

before(async () => {
  directory = await makeTemporaryDirectory();
  authority = await TestAuthority.make(directory.path);
  good = await authority.forNode('node');
  other = await authority.forNode('other');
});
after(() => directory.remove());

async function write(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(directory.path, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** Changes to good files, and what is said of them. */
async function isRefused(
  changes: Partial<CertificateFiles>,
  sentence: RegExp,
  nowMs = Date.now(),
): Promise<void> {
  await assert.rejects(readCredentials({ ...good, ...changes }, nowMs), (error: unknown) => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.match(error.message, sentence);
    assert.doesNotMatch(error.message, /PRIVATE KEY|MI[A-Za-z0-9+/]{20}/);
    return true;
  });
}

test('good files tell whose certificate it is, and until when', async () => {
  const files = { ...good, authority: authority.certificate };
  const { subject, validUntilMs, authority: trusted } = await readCredentials(files, Date.now());
  assert.equal(subject, 'O=Example, CN=node');
  assert.ok(Math.abs(validUntilMs - Date.now() - DAY_MS) < 600_000);
  assert.equal(trusted, await authority.read());
});

test('files that cannot be read are named, with their setting', async () => {
  const missing = join(directory.path, 'missing.pem');
  await isRefused({ certificate: missing }, /^tls\.certificate: the file .*missing\.pem does not/);
  await isRefused({ key: missing }, /^tls\.key: the file .*missing\.pem does not exist/);
  await isRefused(
    { authority: missing },
    /^tls\.authority: the file .*missing\.pem does not exist/,
  );
  const folder = join(directory.path, 'folder');
  await mkdir(folder);
  await isRefused({ certificate: folder }, /^tls\.certificate: .*folder cannot be read \(EISDIR\)/);
});

test('a key that others may use is refused; one that a group may read is not', async () => {
  const pem = await readFile(good.key, 'utf8');
  for (const mode of [0o644, 0o604, 0o660, 0o602]) {
    const key = await write(`open-${mode.toString(8)}.key`, pem, mode);
    const said = new RegExp(`^tls\\.key: .*has the mode 0${mode.toString(8)}.*chmod 600 ${key}`);
    await isRefused({ key }, said);
  }
  for (const mode of [0o400, 0o440, 0o640]) {
    const key = await write(`group-${mode.toString(8)}.key`, pem, mode);
    await readCredentials({ ...good, key }, Date.now());
  }
});

test('a key of another certificate, or of one further down, is told as such', async () => {
  await isRefused(
    { key: other.key },
    /^tls\.key: .*not the key of .*that of O=Example, CN=node\.$/,
  );
  const [mine, theirs] = [await readFile(good.certificate), await readFile(other.certificate)];
  const chain = await write('chain.crt', `${theirs}${mine}`);
  await isRefused({ certificate: chain }, /number 2 in the file: put that one first\.$/);
  const right = await write('right.crt', `${mine}${await authority.read()}`);
  await readCredentials({ ...good, certificate: right }, Date.now());
});

test('what is no key is refused, and so is one with a passphrase', async () => {
  await isRefused({ key: good.certificate }, /^tls\.key: .*mode|^tls\.key: .*holds no private key/);
  const nothing = await write('nothing.key', 'not a key');
  await isRefused({ key: nothing }, /^tls\.key: .*holds no private key/);
  const cut = await write('cut.key', (await readFile(good.key, 'utf8')).slice(0, 90));
  await isRefused({ key: cut }, /^tls\.key: .*holds no private key/);
  const locked = join(directory.path, 'locked.key');
  const flags = ['pkey', '-in', good.key, '-out', locked, '-aes256', '-passout', 'pass:secret'];
  await openssl(...flags);
  await chmod(locked, 0o600);
  await isRefused({ key: locked }, /^tls\.key: .*passphrase\. Write it without: openssl pkey -in/);
});

test('what is no certificate is refused', async () => {
  const nothing = await write('nothing.crt', 'not a certificate');
  await isRefused({ certificate: nothing }, /^tls\.certificate: .*holds no certificate/);
  await isRefused({ authority: nothing }, /^tls\.authority: .*holds no certificate/);
  const damaged = (await readFile(good.certificate, 'utf8')).replace(
    /\n.{20}/,
    '\nAAAAAAAAAAAAAAAAAAAA',
  );
  const broken = await write('broken.crt', damaged);
  await isRefused({ certificate: broken }, /^tls\.certificate: .*cannot be read, number 1 in it/);
});

test('a revocation list that cannot be read is told by its number', async () => {
  const list = await readFile(await authority.revoke(), 'utf8');
  const damaged = list.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA');
  const revocationList = await write('two.crl', `${list}${damaged}`);
  await isRefused({ revocationList }, /tls\.revocationList: .* cannot be read, number 2 in it/);
  const both = await write('both.crl', `${list}${list}`);
  assert.ok(await readCredentials({ ...good, revocationList: both }, Date.now()));
});

test('a certificate is good for its term only', async () => {
  const nowMs = Date.now();
  const expired = /^tls\.certificate: .*has expired: that of O=Example, CN=node, on /;
  await isRefused({}, expired, nowMs + 2 * DAY_MS);
  await isRefused({}, /is not valid yet: that of O=Example, CN=node/, nowMs - 2 * DAY_MS);
});
