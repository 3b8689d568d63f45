/** What `start` asks before it touches a store. Only mount facts; the doctor tries things out. */
import { HoldfastError } from '../platform/errors.js';
import type { MountFacts } from '../platform/ports.js';
import { classifyFileSystem, type FileSystemKind } from './file-system-kind.js';

/** Throws STORE_UNSAFE with the reasons and their mends for what the doctor refuses. */
export async function assertSafeFileSystem(
  readMounts: (directory: string) => Promise<MountFacts>,
  directory: string,
): Promise<FileSystemKind> {
  const { mountInfo, realPath } = await readMounts(directory);
  const kind = classifyFileSystem(mountInfo, realPath);
  if (kind.verdict !== 'refuse') return kind;
  const reasons = kind.findings
    .filter((finding) => finding.severity === 'refuse')
    .map((finding) => `${finding.what}: ${finding.mend}`);
  throw new HoldfastError(
    'STORE_UNSAFE',
    `The store ${directory} lies on ${kind.kind} (mounted at ${kind.mountPoint}), ` +
      `which cannot keep two nodes apart: ${reasons.join('; ')}.`,
  );
}
