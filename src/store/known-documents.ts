/** The documents of a store by name, so that nobody else pairs paths with shapes. */
import { join } from 'node:path/posix';
import { HoldfastError } from '../platform/errors.js';
import type { FileSystem, HostIdentity } from '../platform/ports.js';
import {
  DocumentFile,
  type DocumentRead,
  readDocument,
  readDocumentOrNull,
} from './document-file.js';
import { HANDOVER_SHAPE, LIVE_SHAPE, NODE_SHAPE } from './document-shapes.js';
import type { HandoverRequest, LiveDocument, NodeDocument } from './documents.js';
import type { StoreLayout } from './layout.js';

export function readLiveDocument(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<DocumentRead<LiveDocument>> {
  return readDocument(fileSystem, layout.liveFile, LIVE_SHAPE);
}

/** For the live node alone: lock it before the first write. */
export function openLiveFile(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<DocumentFile<LiveDocument>> {
  return DocumentFile.open<LiveDocument>(fileSystem, layout.liveFile, 'update');
}

export function readHandoverRequest(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<HandoverRequest | null> {
  return readDocumentOrNull(fileSystem, layout.handoverFile, HANDOVER_SHAPE);
}

/** Used by whoever asks for a handover, and by the live node to write the outcome back. */
export async function writeHandoverRequest(
  fileSystem: FileSystem,
  layout: StoreLayout,
  request: HandoverRequest,
): Promise<void> {
  const file = await DocumentFile.open<HandoverRequest>(fileSystem, layout.handoverFile, 'update');
  try {
    await file.write(request);
  } finally {
    await file.close();
  }
}

/** All node documents that can be read, by name; also those of nodes that run no more. */
export async function readNodeDocuments(
  fileSystem: FileSystem,
  layout: StoreLayout,
): Promise<NodeDocument[]> {
  const names = await fileSystem.list(layout.nodesDirectory);
  const documents: NodeDocument[] = [];
  for (const name of names) {
    const path = join(layout.nodesDirectory, name);
    const document = await readDocumentOrNull(fileSystem, path, NODE_SHAPE);
    if (document !== null) documents.push(document);
  }
  return documents;
}

/**
 * Takes `nodes/NAME` for as long as the returned file is open. Throws NAME_IN_USE when a running
 * node has it.
 */
export async function claimNodeFile(
  fileSystem: FileSystem,
  layout: StoreLayout,
  name: string,
): Promise<DocumentFile<NodeDocument>> {
  const path = join(layout.nodesDirectory, name);
  const file = await DocumentFile.open<NodeDocument>(fileSystem, path, 'create');
  if (await file.tryLock()) return file;
  const holder = await readDocumentOrNull(fileSystem, path, NODE_SHAPE);
  await file.close();
  throw nameInUse(layout.root, name, holder);
}

function nameInUse(root: string, name: string, holder: HostIdentity | null): HoldfastError {
  const who = holder === null ? 'Another process' : `Process ${holder.pid} on host ${holder.host}`;
  return new HoldfastError(
    'NAME_IN_USE',
    `${who} already runs as node "${name}" on the store ${root}: ` +
      'give this node another name with --name, or stop the other one.',
  );
}
