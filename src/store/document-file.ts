/**
 * Documents in files. A writer keeps one descriptor open, through which the file is also locked:
 * then an NFS server that took the lock away takes no more writes either. A reader opens the file
 * afresh each time, which is the one way to see another host's rewrite within a second. Nothing
 * here is ever renamed: another host would see the old file for many seconds.
 */
import { errnoOf } from '../platform/errors.js';
import type { FileHandle, FileSystem, OpenMode } from '../platform/ports.js';
import {
  DOCUMENT_BLOCK_BYTES,
  decodeDocumentBlock,
  encodeDocumentBlock,
} from './checksummed-block.js';
import { type DocumentShape, firstWrongField } from './document-shapes.js';

export type DocumentRead<Document> =
  | { readonly kind: 'valid'; readonly document: Document }
  | { readonly kind: 'missing' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * What the file holds now. Ask only for names that are known to exist: an NFS client that looked
 * for a name too early goes on denying it for half a minute.
 */
export async function readDocument<Document>(
  fileSystem: FileSystem,
  path: string,
  shape: DocumentShape<Document>,
): Promise<DocumentRead<Document>> {
  const block = await readBlock(fileSystem, path);
  if (block === null) return { kind: 'missing' };
  const decoded = decodeDocumentBlock(block);
  if (decoded.kind !== 'valid') return decoded;
  const wrongField = firstWrongField(decoded.document, shape);
  if (wrongField !== null) {
    return { kind: 'unreadable', why: `its field "${wrongField}" is missing or wrong` };
  }
  return { kind: 'valid', document: decoded.document as Document };
}

/** The document, or null when there is none that can be read. */
export async function readDocumentOrNull<Document>(
  fileSystem: FileSystem,
  path: string,
  shape: DocumentShape<Document>,
): Promise<Document | null> {
  const read = await readDocument(fileSystem, path, shape);
  return read.kind === 'valid' ? read.document : null;
}

/** Rewrites one document in place. One caller at a time. */
export class DocumentFile<Document extends object> {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open<Document extends object>(
    fileSystem: FileSystem,
    path: string,
    mode: Extract<OpenMode, 'update' | 'create' | 'create-new'>,
  ): Promise<DocumentFile<Document>> {
    return new DocumentFile<Document>(await fileSystem.open(path, mode));
  }

  /** Locks the descriptor that `write` uses; false when another process has it. */
  tryLock(): Promise<boolean> {
    return this.#handle.tryLockExclusive();
  }

  /** Returns when the document is on stable storage, and so can be seen by a fresh open anywhere. */
  async write(document: Document): Promise<void> {
    await this.#handle.write(encodeDocumentBlock(document), 0);
    await this.#handle.sync();
  }

  /** Also drops the lock. */
  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function readBlock(fileSystem: FileSystem, path: string): Promise<Uint8Array | null> {
  let handle: FileHandle;
  try {
    handle = await fileSystem.open(path, 'read');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const block = new Uint8Array(DOCUMENT_BLOCK_BYTES);
    const length = await handle.read(block, 0);
    return block.subarray(0, length);
  } finally {
    await handle.close();
  }
}
