/**
 * The shipped Dockerfile, carried out without Docker: what it copies is copied below a folder that
 * stands for the root of each stage, and what its build stage runs is run there. Base images, and what
 * the last stage runs as root, are left out: those need Docker and a network.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { repositoryRoot } from './repository-root.js';

const DOCKERFILE = join(repositoryRoot(), 'deploy', 'docker', 'Dockerfile');
const RUN_LIMIT_MS = 240_000;

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export async function readStages(): Promise<readonly Stage[]> {
  const text = await readFile(DOCKERFILE, 'utf8');
  const lines = text.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, ' ');
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const line of lines.split('\n')) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === undefined || rest === undefined) continue;
    if (word === 'FROM') {
      const [base = '', , name = ''] = rest.split(' ');
      stages.push({ name, base, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push({ word, rest });
    }
  }
  return stages;
}

/** What ENV says, by name. */
export function environmentOf({ instructions }: Stage): Readonly<Record<string, string>> {
  const pairs = instructions
    .filter(({ word }) => word === 'ENV')
    .flatMap(({ rest }) => rest.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

/** The last instruction of that kind, in the form with brackets. */
export function wordsOf({ instructions }: Stage, word: string): readonly string[] {
  const last = instructions.findLast((instruction) => instruction.word === word);
  return JSON.parse(last?.rest.slice(last.rest.indexOf('[')) ?? '[]') as string[];
}

/** Carries out COPY, WORKDIR and, in a stage that others copy from, RUN. `roots`: of the stages before, by name. */
export async function carryOut(
  stage: Stage,
  root: string,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  let workingDirectory = '/';
  await mkdir(root, { recursive: true });
  for (const { word, rest } of stage.instructions) {
    if (word === 'WORKDIR') {
      workingDirectory = rest;
      await mkdir(join(root, rest), { recursive: true });
    } else if (word === 'COPY') {
      await copy(rest, join(root, workingDirectory), roots);
    } else if (word === 'RUN' && stage.name !== '') {
      const { status, stderr } = spawnSync('sh', ['-c', rest], {
        cwd: join(root, workingDirectory),
        encoding: 'utf8',
        timeout: RUN_LIMIT_MS,
      });
      assert.equal(status, 0, `${rest}\n${stderr}`);
    }
  }
}

async function copy(
  rest: string,
  target: string,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  const words = rest.split(/\s+/);
  const stage = /^--from=(.*)/.exec(words[0] ?? '')?.[1];
  const sources = words.slice(stage === undefined ? 0 : 1, -1);
  const folder = words.at(-1) ?? '';
  const sourceRoot = stage === undefined ? repositoryRoot() : roots.get(stage);
  assert.ok(sourceRoot !== undefined && folder.endsWith('/'), `COPY ${rest}`);
  for (const source of sources) {
    if (stage === undefined) await requireNotIgnored(source);
    const path = join(sourceRoot, source);
    // As Docker does it: of a folder what is in it, a file below the destination.
    const isFolder = (await stat(path)).isDirectory();
    await cp(path, join(target, folder, isFolder ? '' : basename(source)), { recursive: true });
  }
}

/** Each source has to be in a line of .dockerignore that takes it back from "*". */
async function requireNotIgnored(source: string): Promise<void> {
  const text = await readFile(join(repositoryRoot(), '.dockerignore'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(lines[0], '*', 'everything is left out that is not named');
  const isNamed = lines.slice(1).some((line) => {
    const pattern = line.replace('!', '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
    return new RegExp(`^${pattern}(/|$)`).test(source);
  });
  assert.ok(isNamed, `.dockerignore keeps ${source} from COPY`);
}
