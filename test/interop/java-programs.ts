/**
 * The Java programs of examples/ and of the tests beside this file, built by one run of Maven for all
 * test files. Those of plain JMS are written for jakarta.jms, and built for javax.jms as well.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { NodeProcess } from '../support/node-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { LineProgram } from './line-program.js';

const run = promisify(execFile);
/** The first time Maven fetches what it needs. */
const BUILD_LIMIT_MS = 240_000;
const OUTPUT = join(repositoryRoot(), 'dist', 'test', 'interop', 'java');

const MODULES = {
  'jms-javax': { folder: 'examples/jms', isForJavax: true },
  'jms-jakarta': { folder: 'examples/jms', isForJavax: false },
  spring: { folder: 'examples/spring', isForJavax: false },
  'interop-javax': { folder: 'test/interop/qpid-jms', isForJavax: true },
  'interop-jakarta': { folder: 'test/interop/qpid-jms', isForJavax: false },
} as const;

type Module = keyof typeof MODULES;
export const JMS_PACKAGES = ['javax', 'jakarta'] as const;
export type JmsPackage = (typeof JMS_PACKAGES)[number];

/** What differs: nothing but the package, and the line of releases that has it. */
const FOR_JAVAX = [
  [/\bjakarta\.jms\b/g, 'javax.jms'],
  [/(?<=<qpid\.jms\.version>)[^<]*/, '1.13.0'],
  [/(?<=<artifactId>)holdfast-[a-z-]+/, '$&-javax'],
] as const;

const AGGREGATE = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>holdfast</groupId>
  <artifactId>programs</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <modules>MODULES</modules>
</project>`;

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** For the `skip` of a test. */
export const noMaven =
  works('mvn', '--version') && works('javac', '-version')
    ? false
    : 'SKIPPED: maven or a JDK is not installed';

/** As docs/amqp.md advises: tries the nodes in this order, whenever it has no connection. */
export function failoverUrl(...nodes: readonly NodeProcess[]): string {
  return failoverUrlOf(nodes.map((node) => `amqp://${node.addressOf('amqp')}`));
}

/** The same over TLS: what it trusts and shows are files with the password `changeit`. */
export function secureFailoverUrl(
  nodes: readonly NodeProcess[],
  { trustStore, keyStore }: { readonly trustStore: string; readonly keyStore: string },
): string {
  const stores = [
    `trustStoreLocation=${trustStore}`,
    'trustStorePassword=changeit',
    `keyStoreLocation=${keyStore}`,
    'keyStorePassword=changeit',
  ].map((option) => `&failover.nested.transport.${option}`);
  return failoverUrlOf(nodes.map((node) => `amqps://${node.addressOf('amqps')}`)) + stores.join('');
}

function failoverUrlOf(addresses: readonly string[]): string {
  return `failover:(${addresses})?failover.maxReconnectDelay=1000&failover.nested.amqp.idleTimeout=10000`;
}

/** What `java -cp` is to be given for a program of that module. */
export async function classPathOf(module: Module): Promise<string> {
  const target = join(await built(), module, 'target');
  return [join(target, 'classes'), join(target, 'lib', '*')].join(':');
}

let building: Promise<string> | undefined;

function built(): Promise<string> {
  building ??= build();
  return building;
}

/** Resolves with the folder of the modules; what was built from the same sources before is taken. */
async function build(): Promise<string> {
  const sources = await readSources();
  const digest = createHash('sha256').update(JSON.stringify(sources)).digest('hex').slice(0, 16);
  const folder = join(OUTPUT, digest);
  if (await isThere(folder)) return folder;
  // Test files may run side by side: each builds its own, and the first one stays.
  const work = join(OUTPUT, `building-${process.pid}`);
  for (const [path, text] of sources) {
    await mkdir(join(work, path, '..'), { recursive: true });
    await writeFile(join(work, path), text);
  }
  await runMaven(work);
  await removeOlder(digest);
  await rename(work, folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY') throw error;
    await rm(work, { recursive: true });
  });
  return folder;
}

/** What was built from sources that have changed since. */
async function removeOlder(digest: string): Promise<void> {
  for (const name of await readdir(OUTPUT)) {
    if (name === digest || name.startsWith('building-')) continue;
    await rm(join(OUTPUT, name), { recursive: true, force: true });
  }
}

async function runMaven(folder: string): Promise<void> {
  const project = join(folder, 'pom.xml');
  try {
    await run('mvn', ['-q', '-B', '-f', project, 'process-classes'], { timeout: BUILD_LIMIT_MS });
  } catch (error) {
    await rm(folder, { recursive: true });
    // Maven tells what is wrong on stdout.
    throw new Error(`Maven failed: ${(error as { stdout?: string }).stdout}`);
  }
}

/** Each file with its path below the folder that Maven works in. */
async function readSources(): Promise<[string, string][]> {
  const names = Object.keys(MODULES) as Module[];
  const modules = names.map((name) => `<module>${name}</module>`).join('');
  const aggregate = AGGREGATE.replace('MODULES', modules);
  const sources: [string, string][] = [['pom.xml', aggregate]];
  for (const name of names) {
    const { folder, isForJavax } = MODULES[name];
    const root = join(repositoryRoot(), folder);
    for (const path of ['pom.xml', ...(await filesBelow(root, 'src'))]) {
      const text = await readFile(join(root, path), 'utf8');
      sources.push([join(name, path), isForJavax ? forJavax(text) : text]);
    }
  }
  return sources;
}

function forJavax(text: string): string {
  return FOR_JAVAX.reduce((changed, [from, to]) => changed.replace(from, to), text);
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A program of the tests, as it was built for that package. */
export async function startJava(
  t: TestContext,
  jmsPackage: JmsPackage,
  args: readonly string[],
  onLine?: (line: string) => void,
): Promise<LineProgram> {
  const classPath = await classPathOf(`interop-${jmsPackage}`);
  return new LineProgram(t, { command: 'java', args: ['-cp', classPath, ...args], onLine });
}
