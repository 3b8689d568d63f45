/** Finds the mount of a path in the text of /proc/self/mountinfo. Pure. */

export interface Mount {
  readonly mountPoint: string;
  /** As the kernel names it: `ext4`, `nfs4`, `fuse.glusterfs`, ... */
  readonly type: string;
  readonly source: string;
  /** Of the mount and of the file system, each once, as `name` or `name=value`. */
  readonly options: readonly string[];
}

/** The mount that `path` (without symbolic links) lies on, or null when the text names none. */
export function findMount(mountInfo: string, path: string): Mount | null {
  let found: Mount | null = null;
  for (const line of mountInfo.split('\n')) {
    const mount = parseLine(line);
    if (mount === null || !contains(mount.mountPoint, path)) continue;
    // Of two on the same point, the later one covers the earlier.
    if (found === null || mount.mountPoint.length >= found.mountPoint.length) found = mount;
  }
  return found;
}

/** `36 35 98:0 /sub /mnt rw,noatime shared:1 - ext4 /dev/root rw,errors=continue` */
function parseLine(line: string): Mount | null {
  const [left, right] = line.split(' - ', 2);
  const leftFields = left?.split(' ') ?? [];
  const rightFields = right?.split(' ') ?? [];
  const [, , , , mountPoint, mountOptions] = leftFields;
  const [type, source, superOptions] = rightFields;
  if (mountPoint === undefined || mountOptions === undefined) return null;
  if (type === undefined || source === undefined) return null;
  const options = [...mountOptions.split(','), ...(superOptions ?? '').split(',')];
  return {
    mountPoint: unescapeOctal(mountPoint),
    type,
    source: unescapeOctal(source),
    options: [...new Set(options.filter((option) => option !== ''))],
  };
}

function contains(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

/** The kernel writes blanks, tabs, line feeds and backslashes as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
