/**
 * Makes a fresh clone ready to run: installs what package-lock.json says, compiles the native
 * module `fs-ext`, builds the TypeScript, and the console with vite. Each step runs only when it is needed and says so in one
 * line; when nothing is to do, it is silent and takes a blink. Plain JavaScript without
 * dependencies, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeHeadersPrefix } from './node-headers.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE_FOLDERS = ['src', 'test', 'bench', 'scripts'];
const SOURCE_FILES = ['tsconfig.json', 'package.json', 'package-lock.json'];
const CONSOLE_FOLDER = join('src', 'console');
/** What the console takes from outside of its folder, beside types. */
const CONSOLE_FILES = [
  'package-lock.json',
  ...['src/security/rights.ts', 'src/broker/topic-patterns.ts', 'src/platform/errors.ts'],
];
const buildRecord = join(root, 'dist', '.built-from');
const consoleRecord = join(root, 'dist', '.console-built-from');

const say = (sentence) => process.stderr.write(`holdfast: ${sentence}\n`);

function fail(sentence) {
  say(sentence);
  process.exit(1);
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The parsed file, or null when there is none. */
function readJsonIfThere(path) {
  try {
    return readJson(path);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function requireNodeVersion() {
  const wanted = readJson(join(root, 'package.json')).engines.node.replace('>=', '');
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(`Node ${wanted} or newer is needed, and this is ${process.versions.node}.`);
}

/** npm keeps a record of what lies in node_modules, in the form of the lock file. */
function installedAsLocked() {
  const locked = readJson(join(root, 'package-lock.json')).packages;
  const installed = readJsonIfThere(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return false;
  return Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const there = installed[path];
    // Optional packages are those for other processors and operating systems.
    if (!there) return optional === true;
    return there.version === version && there.integrity === integrity;
  });
}

/** Ends this process in the way that the child ended, when that was a signal (Ctrl-C). */
function passOnSignal(child) {
  if (child.error) fail(`could not start ${child.error.path}: ${child.error.message}`);
  if (child.signal) process.kill(process.pid, child.signal);
}

/** Runs npm without letting it talk; returns what it had to say when it failed, else null. */
function npm(args, environment) {
  const npmScript = process.env.npm_execpath;
  const [command, first] = npmScript ? [process.execPath, [npmScript]] : ['npm', []];
  const child = spawnSync(command, [...first, ...args, '--loglevel=error', '--no-audit'], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  passOnSignal(child);
  return child.status === 0 ? null : `${child.stdout}${child.stderr}`;
}

/** npm says why at the top of what it prints, a compiler at the end. */
const firstLines = (text, count) => text.trim().split('\n').slice(0, count).join('\n');
const lastLines = (text, count) => text.trim().split('\n').slice(-count).join('\n');

function installPackages() {
  say('installing what package-lock.json says (npm ci)');
  // Install scripts wait: the only one that is needed is run by compileNativeModule().
  const failure = npm(['ci', '--include=dev', '--ignore-scripts']);
  if (failure !== null) fail(`npm could not install the packages:\n${firstLines(failure, 12)}`);
}

function nativeModuleLoads() {
  try {
    createRequire(import.meta.url)('fs-ext');
    return true;
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_DLOPEN_FAILED') return false;
    throw error;
  }
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingForCompiling(headersPrefix) {
  const missing = [];
  if (!process.env.CXX && !onPath('g++') && !onPath('c++')) missing.push('a C++ compiler');
  if (!onPath('make')) missing.push('make');
  if (!onPath('python3') && !onPath('python')) missing.push('Python 3');
  if (headersPrefix === null) missing.push(`the headers of Node ${process.versions.node}`);
  return missing;
}

function compileNativeModule() {
  say('compiling fs-ext, which takes the file lock');
  const prefix = nodeHeadersPrefix();
  // With the headers at hand, node-gyp need not download them.
  const environment = prefix === null ? {} : { npm_config_nodedir: prefix };
  const failure = npm(['rebuild', 'fs-ext', '--ignore-scripts=false'], environment);
  if (failure === null && nativeModuleLoads()) return;
  const missing = missingForCompiling(prefix);
  if (missing.length > 0) {
    fail(
      `fs-ext could not be compiled; missing here: ${missing.join(', ')}. Install ` +
        'build-essential and python3 (Debian, Ubuntu) or gcc-c++, make and python3 (Fedora, RHEL, ' +
        "SUSE); where Node is the distribution's own, also libnode-dev or nodejs-devel.",
    );
  }
  fail(`fs-ext could not be compiled:\n${lastLines(failure ?? 'npm rebuild did nothing', 20)}`);
}

/** One line per source: its name, size and time of change. */
function describeSources() {
  const isTypeScript = (path) => path.endsWith('.ts');
  const found = SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, isTypeScript));
  const ofBroker = found.filter((path) => !path.startsWith(CONSOLE_FOLDER));
  return [...SOURCE_FILES, ...ofBroker].map(describeFile).sort();
}

function describeConsoleSources() {
  return [...CONSOLE_FILES, ...filesBelow(CONSOLE_FOLDER, () => true)].map(describeFile).sort();
}

function describeFile(path) {
  const { size, mtimeMs } = statSync(join(root, path));
  return `${path} ${size} ${mtimeMs}`;
}

function filesBelow(folder, isWanted) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, isWanted);
    return isWanted(path) ? [path] : [];
  });
}

function readRecord(record) {
  try {
    return readFileSync(record, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function build(sources, previous) {
  const nameOf = (line) => line.split(' ')[0];
  const present = new Set(sources.map(nameOf));
  const gone = (previous ?? '').split('\n').some((line) => line && !present.has(nameOf(line)));
  // What a deleted source was built into would stay for ever.
  if (gone) rmSync(join(root, 'dist'), { recursive: true });
  say('building (tsc)');
  runTool(join('typescript', 'bin', 'tsc'), ['-p', 'tsconfig.json']);
  writeFileSync(buildRecord, sources.join('\n'));
}

/** vite leaves types alone, so they are checked before. */
function buildConsole(sources) {
  say('building the console (tsc, vite)');
  runTool(join('typescript', 'bin', 'tsc'), ['-p', join(CONSOLE_FOLDER, 'tsconfig.json')]);
  const config = join(CONSOLE_FOLDER, 'vite.config.mjs');
  runTool(join('vite', 'bin', 'vite.js'), ['build', '--config', config]);
  writeFileSync(consoleRecord, sources.join('\n'));
}

function runTool(script, args) {
  const path = join(root, 'node_modules', script);
  const child = spawnSync(process.execPath, [path, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  passOnSignal(child);
  if (child.status !== 0) fail('the build failed; see above.');
}

requireNodeVersion();
if (!installedAsLocked()) installPackages();
if (!nativeModuleLoads()) compileNativeModule();
const sources = describeSources();
const previous = readRecord(buildRecord);
if (previous !== sources.join('\n')) build(sources, previous);
const consoleSources = describeConsoleSources();
if (readRecord(consoleRecord) !== consoleSources.join('\n')) buildConsole(consoleSources);
