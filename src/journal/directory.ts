/** What lies in a journal directory: which files are segments, checkpoints, left-overs or unfinished. */

import { join } from 'node:path/posix';
import { errnoOf, HoldfastError } from '../platform/errors.js';
import type { FileHandle, FileSystem } from '../platform/ports.js';
import type { CheckpointHeader, StoreId } from './file-header.js';
import { decodeCheckpointHeader, decodeSegmentHeader, type SegmentHeader } from './file-header.js';
import {
  type CheckpointName,
  parseCheckpointName,
  parseSegmentName,
  SECTOR_BYTES,
  type SegmentName,
} from './format.js';

export interface JournalListing {
  /** By rising number, then rising epoch. */
  readonly segments: readonly SegmentName[];
  /** By rising epoch, then rising sequence. */
  readonly checkpoints: readonly CheckpointName[];
}

export class JournalDirectory {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  readonly #storeId: StoreId;

  constructor(fileSystem: FileSystem, path: string, storeId: StoreId) {
    this.#fileSystem = fileSystem;
    this.path = path;
    this.#storeId = storeId;
  }

  get storeId(): StoreId {
    return this.#storeId;
  }

  get fileSystem(): FileSystem {
    return this.#fileSystem;
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  async list(): Promise<JournalListing> {
    const names = await this.#fileSystem.list(this.path);
    return {
      segments: names.map(parseSegmentName).filter((segment) => segment !== null),
      checkpoints: names.map(parseCheckpointName).filter((checkpoint) => checkpoint !== null),
    };
  }

  async sync(): Promise<void> {
    await this.#fileSystem.syncDirectory(this.path);
  }

  /** When it resolves the name is gone, whoever removed it: a repeated NFS request finds nothing, too. */
  async unlink(name: string): Promise<void> {
    try {
      await this.#fileSystem.unlink(this.pathOf(name));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Opens a file to read; null when somebody deleted it meanwhile. */
  async openIfThere(name: string): Promise<FileHandle | null> {
    try {
      return await this.#fileSystem.open(this.pathOf(name), 'read');
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** The header of a segment; null when it is unfinished or gone. */
  async segmentHeader(segment: SegmentName): Promise<SegmentHeader | null> {
    return this.ifThere(segment.name, (handle) => this.readSegmentHeader(handle, segment));
  }

  /** The header of a segment that is open already; null when it is unfinished. */
  async readSegmentHeader(handle: FileHandle, segment: SegmentName): Promise<SegmentHeader | null> {
    const header = await this.#readHeader(handle, decodeSegmentHeader);
    if (header !== null && (header.number !== segment.number || header.epoch !== segment.epoch)) {
      throw new HoldfastError(
        'JOURNAL_CORRUPT',
        `${handle.path} says that it is segment ${header.number} of epoch ${header.epoch}. ` +
          'It was renamed or copied; give it its own name back.',
      );
    }
    return header;
  }

  /** The header of a checkpoint; null when it is unfinished or gone. */
  async checkpointHeader(checkpoint: CheckpointName): Promise<CheckpointHeader | null> {
    return this.ifThere(checkpoint.name, (handle) =>
      this.#readHeader(handle, decodeCheckpointHeader),
    );
  }

  async #readHeader<Header extends { storeId: StoreId }>(
    handle: FileHandle,
    decode: (sector: Uint8Array, path: string) => Header | null,
  ): Promise<Header | null> {
    const sector = new Uint8Array(SECTOR_BYTES);
    await handle.read(sector, 0);
    const header = decode(sector, handle.path);
    if (header !== null && header.storeId !== this.#storeId) {
      throw new HoldfastError(
        'JOURNAL_CORRUPT',
        `${handle.path} belongs to store ${header.storeId}, not to this store ${this.#storeId}. ` +
          'Move it back to where it came from.',
      );
    }
    return header;
  }

  /** What `read` finds in a file; null when it is gone, or goes meanwhile. */
  async ifThere<Found>(
    name: string,
    read: (handle: FileHandle) => Promise<Found | null>,
  ): Promise<Found | null> {
    const handle = await this.openIfThere(name);
    if (handle === null) return null;
    try {
      return await read(handle);
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    } finally {
      await handle.close();
    }
  }
}

/** The file's name is gone (ENOENT), or the file itself on a file server (ESTALE). */
export function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ESTALE';
}
