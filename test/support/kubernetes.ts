/** The shipped Kubernetes manifests: every document in them, and what judges them. */
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { repositoryRoot } from './repository-root.js';

export const MANIFEST_FOLDER = join(repositoryRoot(), 'deploy', 'kubernetes');
const KUSTOMIZATION = 'kustomization.yaml';

/** For `test`: why it cannot run, or false. */
export const noValidator =
  spawnSync('kubernetes-validate', ['--version'], { stdio: 'ignore' }).status === 0
    ? false
    : 'SKIPPED: kubernetes-validate is not installed (pip install -r .ci/requirements.txt)';

// biome-ignore lint/suspicious/noExplicitAny: a document of any kind, whose schema the validator knows.
export type Manifest = any;

/** Names of the files with manifests. */
export const MANIFEST_FILES: readonly string[] = readdirSync(MANIFEST_FOLDER)
  .filter((name) => name.endsWith('.yaml') && name !== KUSTOMIZATION)
  .sort();

export function readKustomization(): { readonly resources: readonly string[] } {
  return parse(readFileSync(join(MANIFEST_FOLDER, KUSTOMIZATION), 'utf8'));
}

const MANIFESTS: readonly Manifest[] = MANIFEST_FILES.flatMap((name) =>
  parseAllDocuments(readFileSync(join(MANIFEST_FOLDER, name), 'utf8')).map((document) =>
    document.toJS(),
  ),
);

export function manifestsOf(kind: string): readonly Manifest[] {
  return MANIFESTS.filter((manifest) => manifest.kind === kind);
}

export function manifest(kind: string, name: string): Manifest {
  return manifestsOf(kind).find(({ metadata }) => metadata.name === name);
}

/** What the validator says against the file, strictly; empty when that is nothing. */
export async function faultsOf(file: string, version: string): Promise<string> {
  const flags = ['--strict', '--quiet', '--kubernetes-version', version, file];
  try {
    const { stdout, stderr } = await promisify(execFile)('kubernetes-validate', flags);
    return `${stdout}${stderr}`;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}` || 'it failed without a word';
  }
}
