/**
 * Epochs number the tenures. One is claimed by creating its file exclusively, so that of two nodes
 * which both believe that they hold the lock, one is told that the name exists and steps back.
 */
import { join } from 'node:path/posix';
import { errnoOf } from '../platform/errors.js';
import type { FileHandle, FileSystem, HostIdentity } from '../platform/ports.js';
import { encodeDocumentBlock } from '../store/checksummed-block.js';
import { readDocumentOrNull } from '../store/document-file.js';
import type { DocumentShape } from '../store/document-shapes.js';
import type { LiveDocument } from '../store/documents.js';

const NAME = /^\d{10}$/;
const NAME_DIGITS = 10;
/** Tenures that are remembered for people. The highest is all that the protocol needs, and every ownership check lists them. */
export const EPOCHS_KEPT = 100;

interface TenureClaim {
  readonly node: string;
  readonly host: string;
  readonly pid: number;
  readonly claimedAtMs: number;
  /** How its claimer found the tenure before it; left out where it did not know, and by older versions. */
  readonly predecessor?: PredecessorEnd;
}

/** `lost`: its node had not ended it: it was killed, cut off, or did not answer. */
export type PredecessorEnd = 'handed-over' | 'stopped' | 'lost';

/** How the tenure of this `live` document was ended in good order; null when it was not, or goes on. */
export function releaseOf({ state, successor }: LiveDocument): PredecessorEnd | null {
  if (state !== 'released') return null;
  return successor === null ? 'stopped' : 'handed-over';
}

export interface Tenure {
  readonly epoch: number;
  /** Null when its claimer was killed before it had written who it was. */
  readonly claim: TenureClaim | null;
}

export interface ClaimOptions {
  readonly fileSystem: FileSystem;
  readonly epochsDirectory: string;
  readonly node: string;
  readonly identity: HostIdentity;
  readonly wallMs: number;
  /** An epoch known from elsewhere (journal, `live`): the new one is higher than that too. */
  readonly above: number;
  /** How the tenure before it ended, as far as that is known. */
  readonly predecessor?: PredecessorEnd | null;
}

/**
 * The number of the new tenure, durable when this returns; or null when another node claimed it
 * at the same moment.
 */
export async function claimNextEpoch(options: ClaimOptions): Promise<number | null> {
  const { fileSystem, epochsDirectory, identity } = options;
  const highest = await highestEpoch(fileSystem, epochsDirectory);
  const epoch = Math.max(highest, options.above) + 1;
  const handle = await createExclusively(fileSystem, epochPath(epochsDirectory, epoch));
  if (handle === null) return null;
  const claim: TenureClaim = {
    node: options.node,
    host: identity.host,
    pid: identity.pid,
    claimedAtMs: options.wallMs,
    ...(options.predecessor == null ? {} : { predecessor: options.predecessor }),
  };
  try {
    await handle.write(encodeDocumentBlock(claim), 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fileSystem.syncDirectory(epochsDirectory);
  return epoch;
}

/** 0 when there was no tenure yet. */
export async function highestEpoch(
  fileSystem: FileSystem,
  epochsDirectory: string,
): Promise<number> {
  return (await listEpochs(fileSystem, epochsDirectory)).at(-1) ?? 0;
}

/** The latest `count` tenures, oldest first. */
export async function readTenures(
  fileSystem: FileSystem,
  epochsDirectory: string,
  count: number,
): Promise<Tenure[]> {
  const epochs = (await listEpochs(fileSystem, epochsDirectory)).slice(-count);
  const tenures: Tenure[] = [];
  for (const epoch of epochs) {
    const path = epochPath(epochsDirectory, epoch);
    tenures.push({ epoch, claim: await readDocumentOrNull(fileSystem, path, CLAIM_SHAPE) });
  }
  return tenures;
}

/** Removes all but the latest EPOCHS_KEPT. For the live node; nobody waits for it. */
export async function pruneEpochs(fileSystem: FileSystem, epochsDirectory: string): Promise<void> {
  const old = (await listEpochs(fileSystem, epochsDirectory)).slice(0, -EPOCHS_KEPT);
  for (const epoch of old) {
    try {
      await fileSystem.unlink(epochPath(epochsDirectory, epoch));
    } catch (error) {
      // Another node was just as tidy.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

const CLAIM_SHAPE: DocumentShape<TenureClaim> = {
  node: (value) => typeof value === 'string',
  host: (value) => typeof value === 'string',
  pid: (value) => Number.isSafeInteger(value),
  claimedAtMs: (value) => Number.isFinite(value),
  predecessor: (value) => value === undefined || typeof value === 'string',
};

async function listEpochs(fileSystem: FileSystem, directory: string): Promise<number[]> {
  const names = await fileSystem.list(directory);
  return names.filter((name) => NAME.test(name)).map(Number);
}

async function createExclusively(fileSystem: FileSystem, path: string): Promise<FileHandle | null> {
  try {
    return await fileSystem.open(path, 'create-new');
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return null;
    throw error;
  }
}

function epochPath(directory: string, epoch: number): string {
  return join(directory, String(epoch).padStart(NAME_DIGITS, '0'));
}
