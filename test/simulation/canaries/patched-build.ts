/** A copy of the built program with one canary in it. Only the patched files are built anew. */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { repositoryRoot } from '../../support/repository-root.js';
import { applyPatches, type Canary } from './canary.js';

/** Of the build that this file belongs to. */
const BUILD = fileURLToPath(new URL('../../..', import.meta.url));

/** @returns the path of its `npm run simulate`; without a canary that of this very build. */
export function buildPatched(canary: Canary | null): string {
  const program = join('test', 'simulation', 'main.js');
  if (canary === null) return join(BUILD, program);
  const root = repositoryRoot();
  const copy = join(root, '.cache', 'canaries', canary.name);
  rmSync(copy, { recursive: true, force: true });
  for (const folder of ['src', 'test']) linkScripts(join(BUILD, folder), join(copy, folder));
  const patched = applyPatches(canary, (file) => readFileSync(join(root, file), 'utf8'));
  for (const [file, source] of patched) {
    const target = join(copy, file.replace(/\.ts$/, '.js'));
    // What lies there is the original itself under a second name.
    rmSync(target);
    writeFileSync(target, transpile(file, source));
  }
  return join(copy, program);
}

function linkScripts(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkScripts(source, target);
    else if (entry.name.endsWith('.js')) linkSync(source, target);
  }
}

function transpile(fileName: string, source: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(source, {
    fileName,
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  const [first] = diagnostics;
  if (first === undefined) return outputText;
  throw new Error(`${fileName}: ${ts.flattenDiagnosticMessageText(first.messageText, '\n')}`);
}
