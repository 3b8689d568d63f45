/**
 * `npm run check`: everything about the sources that a machine can judge without running them.
 * All steps run, and the last lines say which failed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tool = (name) => join('node_modules', '.bin', name);

const filesBelow = (folder, ending) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path));

/** `optional`: may be missing on a developer's machine, never in CI. */
const STEPS = [
  { name: 'types (tsc, by the build)', command: ['node', 'scripts/prepare.mjs'] },
  { name: 'style (biome)', command: [tool('biome'), 'check', '--error-on-warnings'] },
  { name: 'import directions (dependency-cruiser)', run: checkImports },
  { name: 'dead code (knip)', command: [tool('knip')] },
  { name: 'package (publint)', command: [tool('publint'), '--strict'] },
  {
    name: 'types of the package (attw)',
    // Of a package that is ESM alone, nothing else can be asked.
    command: [tool('attw'), '--pack', '.', '--profile', 'esm-only', '--no-color'],
  },
  { name: 'files of the package (npm pack)', run: checkPackedFiles },
  {
    name: 'shell scripts (shellcheck)',
    command: ['shellcheck', '.ci/run', ...filesBelow('scripts', '.sh')],
    optional: true,
  },
  {
    name: 'Dockerfile (hadolint)',
    command: ['hadolint', join('deploy', 'docker', 'Dockerfile')],
    optional: true,
  },
  { name: 'Vagrantfile (ruby)', command: ['ruby', '-c', 'Vagrantfile'], optional: true },
];

function run([command, ...args], stdio = 'inherit') {
  return spawnSync(command, args, { cwd: root, stdio, encoding: 'utf8' });
}

/** dependency-cruiser reports success when a TypeScript that it does not know hides all sources. */
function checkImports() {
  const child = run([tool('depcruise'), 'src', 'test', 'bench', 'scripts'], 'pipe');
  process.stdout.write(`${child.stdout}${child.stderr}`);
  const seen = Number(/(\d+) modules/.exec(child.stdout)?.[1] ?? 0);
  const sources = filesBelow('src', '.ts').length;
  if (seen < sources) {
    console.error(`dependency-cruiser saw ${seen} modules; src/ alone has ${sources}.`);
    return 'failed';
  }
  return child.status === 0 ? 'passed' : 'failed';
}

/**
 * Tests have means to make the store fail, and nobody is to find them in what is published; nor maps
 * to sources that are not in it. test/integration/installed-package.test.ts runs what is.
 */
function checkPackedFiles() {
  const child = run(['npm', 'pack', '--dry-run', '--json', '--ignore-scripts'], 'pipe');
  if (child.status !== 0) {
    console.error(child.stderr);
    return 'failed';
  }
  const paths = JSON.parse(child.stdout)[0].files.map(({ path }) => path);
  const unwanted = paths.filter(
    (path) => !/^(dist\/src|deploy|docs)\/|^[^/]+$/.test(path) || path.endsWith('.map'),
  );
  for (const path of unwanted) console.error(`${path} would be published.`);
  const needed = ['dist/src/cli/main.js', 'dist/src/console/index.html'];
  const missing = needed.filter((path) => !paths.includes(path));
  for (const path of missing) console.error(`${path} would not be published.`);
  return unwanted.length === 0 && missing.length === 0 ? 'passed' : 'failed';
}

function resultOf(step) {
  if (step.run) return step.run();
  const child = run(step.command);
  if (child.error?.code === 'ENOENT' && step.optional && !process.env.CI) {
    console.error(`SKIPPED: ${step.command[0]} is not installed here; CI runs it.`);
    return 'skipped';
  }
  if (child.error) console.error(child.error.message);
  return child.status === 0 ? 'passed' : 'failed';
}

const results = STEPS.map((step) => {
  console.log(`\n--- ${step.name}`);
  return { name: step.name, result: resultOf(step) };
});

console.log('');
for (const { name, result } of results) console.log(`${result.padEnd(8)} ${name}`);
process.exitCode = results.some(({ result }) => result === 'failed') ? 1 : 0;
