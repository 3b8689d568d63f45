import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { repositoryRoot } from '../../support/repository-root.js';
import { CANARIES } from './canaries.js';
import { applyPatches } from './canary.js';

const ROOT = repositoryRoot();
const sourceOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** What a patch leaves over is no mistake in it. */
const UNUSED = [6133, 6192, 6196, 6198, 7027];

/** Checks whole files with their types, each with whatever text it is given. */
class Checker {
  readonly #texts = new Map<string, string>();
  #version = 0;
  readonly #service: ts.LanguageService;

  constructor(files: readonly string[]) {
    const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config as object;
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
    const textOf = (path: string): string | undefined =>
      this.#texts.get(path) ?? ts.sys.readFile(path);
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => ({ ...options, noEmit: true, incremental: false }),
      getScriptFileNames: () => files.map((file) => join(ROOT, file)),
      getScriptVersion: (path) => (this.#texts.has(path) ? String(this.#version) : '0'),
      getScriptSnapshot: (path) => {
        const text = textOf(path);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => ROOT,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    });
  }

  problems(patched: ReadonlyMap<string, string>): string[] {
    this.#version += 1;
    this.#texts.clear();
    for (const [file, text] of patched) this.#texts.set(join(ROOT, file), text);
    return [...patched.keys()].flatMap((file) => {
      const path = join(ROOT, file);
      const found = [
        ...this.#service.getSyntacticDiagnostics(path),
        ...this.#service.getSemanticDiagnostics(path),
      ];
      return found
        .filter(({ code }) => !UNUSED.includes(code))
        .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
    });
  }
}

describe('canaries', () => {
  it('apply to the sources as they are, and compile', () => {
    const files = new Set(CANARIES.flatMap(({ patches }) => patches.map(({ file }) => file)));
    const checker = new Checker([...files]);
    const problems = CANARIES.flatMap((canary) =>
      checker
        .problems(applyPatches(canary, sourceOf))
        .map((problem) => `${canary.name}: ${problem}`),
    );
    assert.deepEqual(problems, []);
  });

  it('have names of their own, and a row each in the table of docs/testing.md', () => {
    const names = CANARIES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const rows = sourceOf('docs/testing.md').matchAll(/^\| `([\w-]+)` \|.*\| \S+ \| \d+ \|$/gm);
    const inTable = new Set([...rows].map(([, name]) => name));
    assert.deepEqual(
      names.filter((name) => !inTable.has(name)),
      [],
    );
  });

  it('are refused when the source that they patch has changed', () => {
    const canary = {
      name: 'stale',
      sentence: 'It is old.',
      patches: [{ file: 'a.ts', find: 'was', replace: 'is' }],
    };
    assert.throws(() => applyPatches(canary, () => 'now'), /canary stale: a\.ts holds 0 times/);
    assert.throws(() => applyPatches(canary, () => 'was was'), /holds 2 times/);
    assert.equal(applyPatches(canary, () => 'it was').get('a.ts'), 'it is');
  });
});
