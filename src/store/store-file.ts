/**
 * Opens a store, and initialises a new one. Only the holder of the election lock initialises, and
 * `store.json` is written last: whoever finds it valid finds all the rest in place, and whoever
 * was killed half-way leaves something that the next holder of the lock can simply do again.
 */
import { errnoOf, HoldfastError, messageOf } from '../platform/errors.js';
import type { Clock, FileSystem, Random } from '../platform/ports.js';
import { DocumentFile, readDocument } from './document-file.js';
import { STORE_SHAPE } from './document-shapes.js';
import type { StoreDocument } from './documents.js';
import type { StoreLayout } from './layout.js';

/** Of the layout and the documents; the journal has a version of its own. */
const STORE_FORMAT_VERSION = 1;
/** Every header of the journal carries it; see docs/journal-format.md. */
const STORE_ID_BYTES = 16;

export type StoreState =
  | { readonly kind: 'ready'; readonly store: StoreDocument }
  /**
   * New, or left half-made by a killed process: the holder of the election lock makes it. `isBegun`:
   * store.json is there, and not whole.
   */
  | { readonly kind: 'uninitialised'; readonly isBegun: boolean };

/**
 * Throws STORE_MISSING, STORE_INCOMPATIBLE, STORE_DAMAGED, or STORE_UNWRITABLE when the store belongs to another
 * user. Changes nothing.
 */
export async function inspectStore(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<StoreState> {
  const names = await listRoot(fileSystem, layout);
  if (!names.includes('store.json')) return uninitialised(fileSystem, layout, names, 'is missing');
  const read = await readDocument(fileSystem, layout.storeFile, STORE_SHAPE).catch(
    (error: unknown) => {
      if (errnoOf(error) !== 'EACCES') throw error;
      throw notForThisUser(`${layout.storeFile} may not be read`, error);
    },
  );
  switch (read.kind) {
    case 'valid':
      requireCompatible(layout, read.document);
      return { kind: 'ready', store: read.document };
    case 'other-version':
      throw incompatible(
        layout,
        `its document version is ${read.version}, and this program knows 1`,
      );
    case 'missing':
      return uninitialised(fileSystem, layout, names, 'is missing');
    case 'empty':
      return uninitialised(fileSystem, layout, names, 'is empty');
    case 'unreadable':
      return uninitialised(fileSystem, layout, names, `cannot be read (${read.why})`);
  }
}

/**
 * Throws STORE_UNWRITABLE when this process could not take part. Leaves at most an empty `lock`.
 */
export async function requireWritableStore(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<void> {
  try {
    const handle = await fileSystem.open(layout.lockFile, 'create');
    await handle.close();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EROFS' || errno === 'EACCES' || errno === 'EPERM') {
      throw new HoldfastError(
        'STORE_UNWRITABLE',
        `The store ${layout.root} cannot be written (${messageOf(error)}): ` +
          'mount it read-write, and give the user of this process write access to it.',
        { cause: error },
      );
    }
    throw error;
  }
}

export interface InitialiseOptions {
  readonly fileSystem: FileSystem;
  readonly layout: StoreLayout;
  readonly clock: Clock;
  readonly random: Random;
  /** Name and version of the program, for people. */
  readonly createdBy: string;
  /** As `inspectStore` said: only then is what another one began written anew. */
  readonly isBegun: boolean;
}

/**
 * Makes a store of an uninitialised directory. The caller holds the election lock, and yet it may not
 * be alone, on a mount that keeps its locks to itself: then EEXIST says so.
 */
export async function initialiseStore(options: InitialiseOptions): Promise<StoreDocument> {
  const { fileSystem, layout } = options;
  const directories = [
    layout.epochsDirectory,
    layout.journalDirectory,
    layout.nodesDirectory,
    layout.requestsDirectory,
  ];
  for (const directory of directories) await makeDirectoryUnlessThere(fileSystem, directory);
  // Made here, so that no node ever looks for a name that another one is yet to create.
  for (const path of [layout.liveFile, layout.handoverFile]) {
    const handle = await fileSystem.open(path, 'create');
    await handle.close();
  }
  await fileSystem.syncDirectory(layout.requestsDirectory);
  const mode = options.isBegun ? 'create' : 'create-new';
  const store: StoreDocument = {
    formatVersion: STORE_FORMAT_VERSION,
    storeId: Buffer.from(options.random.bytes(STORE_ID_BYTES)).toString('hex'),
    lockKind: 'flock',
    createdAtMs: options.clock.wallMs(),
    createdBy: options.createdBy,
  };
  const file = await DocumentFile.open<StoreDocument>(fileSystem, layout.storeFile, mode);
  try {
    await fileSystem.syncDirectory(layout.root);
    await file.write(store);
  } finally {
    await file.close();
  }
  return store;
}

async function listRoot(fileSystem: FileSystem, layout: StoreLayout): Promise<string[]> {
  try {
    return await fileSystem.list(layout.root);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') throw missing(layout, 'does not exist: create it, or mount it', error);
    if (errno === 'ENOTDIR') throw missing(layout, 'is not a directory: name one', error);
    if (errno === 'EACCES') {
      throw notForThisUser(`The store directory ${layout.root} may not be read`, error);
    }
    throw error;
  }
}

/** `what` begins the sentence: which file may not be read. */
export function notForThisUser(what: string, cause: unknown): HoldfastError {
  const mend =
    'Use the user that the nodes run as (sudo -u holdfast ...), or give this one access.';
  return new HoldfastError('STORE_UNWRITABLE', `${what} by this user. ${mend}`, { cause });
}

/** With a journal in the directory it is no new store, and to make a new one would hide messages. */
async function uninitialised(
  fileSystem: FileSystem,
  layout: StoreLayout,
  names: readonly string[],
  why: string,
): Promise<StoreState> {
  const journal = names.includes('journal') ? await fileSystem.list(layout.journalDirectory) : [];
  if (journal.length === 0) return { kind: 'uninitialised', isBegun: why !== 'is missing' };
  // Another node may have made the store between the two looks.
  if ((await fileSystem.list(layout.root)).includes('store.json')) {
    const now = await readDocument(fileSystem, layout.storeFile, STORE_SHAPE);
    if (now.kind === 'valid') {
      requireCompatible(layout, now.document);
      return { kind: 'ready', store: now.document };
    }
  }
  throw new HoldfastError(
    'STORE_DAMAGED',
    `${layout.storeFile} ${why}, although the store has a journal of ${journal.length} files: ` +
      'restore store.json from a backup copy of this store, or start with an empty directory.',
  );
}

function requireCompatible(layout: StoreLayout, store: StoreDocument): void {
  if (store.formatVersion !== STORE_FORMAT_VERSION) {
    const known = `this program knows ${STORE_FORMAT_VERSION}`;
    throw incompatible(layout, `its format version is ${store.formatVersion}, and ${known}`);
  }
  const lockKind: string = store.lockKind;
  if (lockKind !== 'flock') {
    throw incompatible(layout, `its nodes lock with "${lockKind}", and this program with "flock"`);
  }
}

function incompatible(layout: StoreLayout, why: string): HoldfastError {
  return new HoldfastError(
    'STORE_INCOMPATIBLE',
    `The store ${layout.root} was made by another version of Holdfast (${why}): ` +
      'run the version that made it, or use another directory.',
  );
}

function missing(layout: StoreLayout, why: string, cause: unknown): HoldfastError {
  const message = `The store directory ${layout.root} ${why}.`;
  return new HoldfastError('STORE_MISSING', message, { cause });
}

async function makeDirectoryUnlessThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.makeDirectory(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
