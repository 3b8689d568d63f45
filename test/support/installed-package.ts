/** What `npm pack` makes of this tree, installed into an empty folder as people install it. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './repository-root.js';

const LIMIT_MS = 240_000;

export interface InstalledPackage {
  /** `holdfast` as it would be on the PATH. */
  readonly program: string;
  /** What was given to npm: `program` is in its `bin`. */
  readonly prefix: string;
  /** Where the package lies, with what it depends on. */
  readonly folder: string;
}

/** Packs the built tree and installs it below `folder`, which holds nothing but that. */
export async function installHoldfast(folder: string): Promise<InstalledPackage> {
  const prefix = join(folder, 'prefix');
  await mkdir(prefix);
  const tarball = await packHoldfast(folder);
  // As README.md says it: npm 12 compiles nothing that is not named.
  const flags = ['--prefix', prefix, '--allow-scripts=fs-ext', '--prefer-offline', tarball];
  await npm(['install', '--global', ...flags], prefix);
  return {
    prefix,
    program: join(prefix, 'bin', 'holdfast'),
    folder: join(prefix, 'lib', 'node_modules', 'holdfast'),
  };
}

/** Packs the built tree and installs it for a program in `folder`, which imports it. */
export async function installForProgram(folder: string): Promise<void> {
  const tarball = await packHoldfast(folder);
  // As docs/embedding.md says it: in a project, npm takes the scripts from its package.json alone.
  const project = { private: true, type: 'module', allowScripts: { 'fs-ext': true } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(project));
  await npm(['install', '--prefer-offline', tarball], folder);
}

/** Packs the built tree; resolves with the path of the tarball in `folder`. */
async function packHoldfast(folder: string): Promise<string> {
  // Without scripts: prepack would build, under the feet of the tests that run from dist/.
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], repositoryRoot());
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  return join(folder, tarball ?? 'no tarball');
}

/** Runs npm in `folder`; rejects with what it said when it fails. The native module is compiled by it. */
async function npm(flags: readonly string[], folder: string): Promise<string> {
  const headers = await nodeHeadersPrefix();
  const environment: NodeJS.ProcessEnv = { ...process.env };
  // npm gives its scripts the folder that it was run in, and takes it for its own again.
  delete environment.npm_config_local_prefix;
  if (headers !== null) environment.npm_config_nodedir = headers;
  const { stdout } = await promisify(execFile)('npm', [...flags, '--no-audit', '--no-fund'], {
    cwd: folder,
    env: environment,
    timeout: LIMIT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

async function nodeHeadersPrefix(): Promise<string | null> {
  const script = new URL(`file://${join(repositoryRoot(), 'scripts', 'node-headers.mjs')}`);
  const found = (await import(script.href)) as { nodeHeadersPrefix: () => string | null };
  return found.nodeHeadersPrefix();
}
