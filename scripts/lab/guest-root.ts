/**
 * What all guests boot from: a kernel for user mode and a small Debian of the release that this machine
 * has, so that its Node and its native modules run there. Built once and kept in the cache.
 */
import { createHash } from 'node:crypto';
import { constants, existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFileLock } from './file-lock.js';
import { LabError } from './lab-error.js';
import { updateAptLists } from './machine.js';
import { cacheFolder, PROJECT_IN_GUESTS } from './places.js';
import { runProgram } from './run-program.js';

const KERNEL_PACKAGE = 'user-mode-linux';
/** What a guest needs beside the smallest Debian. */
const PACKAGES = [
  'nfs-kernel-server',
  'nfs-ganesha',
  'nfs-ganesha-vfs',
  'nfs-common',
  'rpcbind',
  'iproute2',
  'iputils-ping',
  'kmod',
  'procps',
  'netbase',
  'util-linux',
  'strace',
  'libstdc++6',
];

/**
 * The guests' first process. The real one comes with the project, which has to be mounted first; so
 * a change of that one needs no new root.
 */
const INIT = `#!/bin/bash
set -e
mount -t hostfs project ${PROJECT_IN_GUESTS} -o "ro,$LAB_TREE"
exec /bin/bash ${PROJECT_IN_GUESTS}/scripts/lab/guest/init.sh
`;

export interface GuestRoot {
  readonly kernel: string;
  readonly root: string;
  /** A folder with this machine's `node`. */
  readonly node: string;
}

type Progress = (line: string) => void;

/** Takes it from the cache, or builds it there. */
export async function ensureGuestRoot(progress: Progress): Promise<GuestRoot> {
  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  const release = debianRelease();
  const wantedFolder = async () =>
    join(cache, `root-${recipeHash([release, await kernelPackageVersion()])}`);
  let folder = await wantedFolder();
  await withFileLock(join(cache, 'build.lock'), progress, async () => {
    if (existsSync(folder)) return;
    // Old lists name packages that are not there any more.
    await updateAptLists();
    folder = await wantedFolder();
    if (!existsSync(folder)) await build(folder, release, progress);
  });
  return {
    kernel: join(folder, 'kernel', 'usr', 'bin', 'linux.uml'),
    root: join(folder, 'root'),
    node: await ensureNode(cache),
  };
}

/** Of everything that the root is built from. */
function recipeHash(inputs: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([inputs, PACKAGES, INIT]));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  return hash.digest('hex').slice(0, 12);
}

async function build(folder: string, release: string, progress: Progress): Promise<void> {
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished);
  progress(`fetching the guests' kernel (Debian package ${KERNEL_PACKAGE})`);
  const kernel = join(unfinished, 'kernel');
  // apt drops its rights for downloads, and then may not write here; it warns, and goes on as root.
  await runProgram('apt-get', ['download', '-qq', KERNEL_PACKAGE], { cwd: unfinished });
  const archive = (await readdir(unfinished)).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new LabError(`apt-get downloaded no ${KERNEL_PACKAGE}.`);
  await runProgram('dpkg', ['-x', join(unfinished, archive), kernel]);
  await rm(join(unfinished, archive));

  const mirror = await aptMirror(release);
  progress(`building the guests' Debian (${release} from ${mirror}), which takes a minute or two`);
  const root = join(unfinished, 'root');
  await runProgram(
    'debootstrap',
    ['--variant=minbase', `--include=${PACKAGES.join(',')}`, release, root, mirror],
    { environment: await aptProxy() },
  );
  await rm(join(root, 'var', 'cache', 'apt', 'archives'), { recursive: true });
  await mkdir(join(root, 'lib', 'modules'), { recursive: true });
  const modules = join(kernel, 'usr', 'lib', 'uml', 'modules');
  await runProgram('cp', ['-a', `${modules}/.`, join(root, 'lib', 'modules')]);
  await mkdir(join(root, PROJECT_IN_GUESTS), { recursive: true });
  await writeFile(join(root, 'init'), INIT);
  await chmod(join(root, 'init'), 0o755);
  await rename(unfinished, folder);
  progress(`the guests' Debian is kept in ${folder}`);
}

function debianRelease(): string {
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (release !== undefined) return release;
  throw new LabError(
    '/etc/os-release names no VERSION_CODENAME; the lab needs a release of Debian.',
  );
}

/** The version that apt would install, which is the one that it downloads. */
async function kernelPackageVersion(): Promise<string> {
  const read = async () =>
    /Candidate: (\S+)/.exec(await runProgram('apt-cache', ['policy', KERNEL_PACKAGE]))?.[1];
  let version = await read();
  if (version === undefined) {
    await updateAptLists();
    version = await read();
  }
  if (version !== undefined && version !== '(none)') return version;
  throw new LabError(
    `apt knows no package ${KERNEL_PACKAGE}; is there Debian's "main" in its sources?`,
  );
}

/** Where this machine's apt has its base system from. */
async function aptMirror(release: string): Promise<string> {
  const args = ['indextargets', '--format', '$(REPO_URI) $(CODENAME) $(COMPONENT)'];
  const targets = await runProgram('apt-get', [...args, 'Created-By: Packages']);
  const mirrors = targets
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, codename, component]) => codename === release && component === 'main')
    .map(([mirror]) => mirror ?? '');
  const usable = mirrors.find((mirror) => /^(https?|file|copy|ftp):/.test(mirror));
  if (usable !== undefined) return usable;
  throw new LabError(
    `apt has no source for ${release} main that debootstrap can read (found: ` +
      `${mirrors.join(', ') || 'none'}); add one with http:, https: or file: to its sources.`,
  );
}

/** debootstrap does not ask apt for its proxy. */
async function aptProxy(): Promise<Readonly<Record<string, string>>> {
  const query = ['shell', 'PROXY', 'Acquire::http::Proxy'];
  const proxy = /^PROXY='(.+)'$/m.exec(await runProgram('apt-config', query))?.[1];
  return proxy === undefined ? {} : { http_proxy: proxy };
}

/** A folder of its own, because guests see folders of this machine, not single files. */
async function ensureNode(cache: string): Promise<string> {
  const { size, mtimeMs } = statSync(process.execPath);
  const folder = join(cache, `node-${process.versions.node}-${size}-${Math.floor(mtimeMs)}`);
  const node = join(folder, 'node');
  if (existsSync(node)) return folder;
  await mkdir(dirname(node), { recursive: true });
  const unfinished = `${node}.${process.pid}`;
  await copyFile(process.execPath, unfinished, constants.COPYFILE_FICLONE);
  await rename(unfinished, node);
  return folder;
}
