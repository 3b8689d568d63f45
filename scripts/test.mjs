/**
 * Runs the built tests with Node's own runner, so that its summary is the last thing printed.
 * `npm test -- PATTERN...` runs only the files whose path contains one of the patterns, and with
 * `!PATTERN` those whose path does not contain it; arguments that begin with a dash are handed on to
 * `node --test`. The files are listed here because `node --test` of Node 20 does not expand globs.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const GROUPS = ['unit', 'contract', 'golden', 'fuzz', 'simulation', 'integration', 'interop'];
/** Needs root, network namespaces and minutes: run by `npm run test:lab` only. */
const LAB_GROUP = 'lab';
/** Against tests that hang. The simulation takes a minute of two processors, and others run beside it. */
const FILE_LIMIT_MS = 300_000;
const INTEGRATION_FILE_LIMIT_MS = 600_000;
/** Scenarios wait for leases, grace times and boots, and the soak for as long as it is told. */
const LAB_FILE_LIMIT_MS = 7_200_000;

/** By the sources, not by what is in dist/, where a deleted test may still lie. */
function testFilesBelow(folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFilesBelow(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

const isOption = (argument) => argument.startsWith('-');
const options = process.argv.slice(2).filter(isOption);
const wishes = process.argv.slice(2).filter((argument) => !isOption(argument));
const patterns = wishes.filter((wish) => !wish.startsWith('!'));
const unwanted = wishes.filter((wish) => wish.startsWith('!')).map((wish) => wish.slice(1));
const isForLab = patterns.some((pattern) => pattern.startsWith(join('test', LAB_GROUP)));
const isForOthers = patterns.some((pattern) => !pattern.startsWith(join('test', LAB_GROUP)));
if (isForLab && isForOthers) {
  process.stderr.write('Tests in test/lab/ run by themselves; name no others beside them.\n');
  process.exit(1);
}
const groups = isForLab ? [LAB_GROUP] : GROUPS;
const files = groups
  .flatMap((group) => testFilesBelow(join('test', group)))
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
  .filter((path) => !unwanted.some((pattern) => path.includes(pattern)))
  .sort();

if (files.length === 0) {
  const wanted = wishes.length === 0 ? 'There are no tests' : `No test matches ${wishes}`;
  process.stderr.write(`${wanted} in test/{${groups}}/.\n`);
  process.exit(1);
}

/** Start nodes, browsers and package installations, which takes longer than anything else. */
const isForNodes = (path) =>
  ['integration', 'interop'].some((group) => path.startsWith(join('test', group)));
const startsNodes = isForLab || files.some(isForNodes);
const longLimitMs = isForLab ? LAB_FILE_LIMIT_MS : INTEGRATION_FILE_LIMIT_MS;
const limits = [
  // Files share nothing: stores, ports and directories are of each test. The lab takes the whole machine.
  `--test-concurrency=${isForLab ? 1 : availableParallelism()}`,
  `--test-timeout=${startsNodes ? longLimitMs : FILE_LIMIT_MS}`,
];
const built = files.map((path) => join('dist', path.replace(/\.ts$/, '.js')));
const runner = ['--enable-source-maps', '--test', '--test-reporter=spec', ...limits];
const child = spawn(process.execPath, [...runner, ...options, ...built], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
