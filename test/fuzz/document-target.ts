/**
 * Documents of a store (store.json, live, nodes/NAME, requests/handover): what a killed writer, a
 * bad disk or another program left in one is never believed, and never stops the reading of others.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HoldfastError } from '../../src/platform/errors.js';
import { decodeDocumentBlock, encodeDocumentBlock } from '../../src/store/checksummed-block.js';
import { readDocument } from '../../src/store/document-file.js';
import {
  type DocumentShape,
  firstWrongField,
  HANDOVER_SHAPE,
  LIVE_SHAPE,
  NODE_SHAPE,
  STORE_SHAPE,
} from '../../src/store/document-shapes.js';
import type { HandoverRequest, StoreDocument } from '../../src/store/documents.js';
import { storeLayout } from '../../src/store/layout.js';
import { readStoreStatus } from '../../src/store/store-status.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { LIVE_SAMPLE, NODE_SAMPLE } from '../support/store-samples.js';
import { type Damage, damaged, damageOfBytes } from './journal-damage.js';
import { defineTarget } from './target.js';

const STORE_SAMPLE: StoreDocument = {
  formatVersion: 1,
  storeId: '000102030405060708090a0b0c0d0e0f',
  lockKind: 'flock',
  createdAtMs: 1_700_000_000_000,
  createdBy: 'holdfast/0.1.0',
};

const HANDOVER_SAMPLE: HandoverRequest = {
  requestId: 'r-1',
  to: 'b',
  requestedAtMs: 1_700_000_000_000,
  requestedBy: 'somebody',
  outcome: { accepted: false, reason: 'nobody is ready' },
};

export interface SampleDocument {
  readonly name: string;
  readonly document: object;
  readonly shape: DocumentShape<object>;
}

export const DOCUMENTS: readonly SampleDocument[] = [
  { name: 'store.json', document: STORE_SAMPLE, shape: STORE_SHAPE },
  { name: 'live', document: LIVE_SAMPLE, shape: LIVE_SHAPE },
  { name: 'nodes/b', document: NODE_SAMPLE, shape: NODE_SHAPE },
  { name: 'requests/handover', document: HANDOVER_SAMPLE, shape: HANDOVER_SHAPE },
];

const ROOT = '/store';
const layout = storeLayout(ROOT);
const clock = {
  monotonicMs: () => 0,
  wallMs: () => 1_700_000_000_000,
  after: () => ({ cancel: () => undefined }),
  soon: () => undefined,
};

/** What is read from `bytes` is the document that was written, or nothing is. */
export function checkBlock({ document }: SampleDocument, bytes: Uint8Array): boolean {
  const decoded = decodeDocumentBlock(bytes);
  if (decoded.kind !== 'valid') return false;
  assert.deepEqual(decoded.document, document, 'a changed document was believed');
  return true;
}

/** With these four documents a status is shown, or one sentence says what is wrong. */
async function checkStatus(documents: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const fileSystem = new MemoryFileSystem();
  for (const [name, bytes] of documents) fileSystem.put(`${ROOT}/${name}`, bytes);
  fileSystem.put(`${layout.journalDirectory}/0000000001-0000000001.segment`, new Uint8Array(512));
  try {
    await readStoreStatus({
      fileSystem,
      layout,
      clock,
      reader: { bootId: 'boot' },
      isProcessAlive: () => true,
      observeMs: 0,
    });
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.match(error.code, /^STORE_(DAMAGED|INCOMPATIBLE)$/);
  }
}

interface DamagedDocuments {
  readonly damages: readonly Damage[];
}

export const damagedDocuments = defineTarget<DamagedDocuments>({
  name: 'documents',
  promise: 'a damaged document of the store is never believed, and the status never fails over it',
  inputsInTests: 500,
  inputs: fc.record({ damages: fc.array(damageOfBytes, { minLength: 1, maxLength: 4 }) }),
  check: async ({ damages }) => {
    const written = new Map(
      DOCUMENTS.map(({ name, document }) => [name, encodeDocumentBlock(document)]),
    );
    const files = damaged(written, damages);
    const mixed = damages.some(({ kind }) => kind === 'duplicate');
    for (const sample of DOCUMENTS) {
      const bytes = files.get(sample.name);
      // A whole document in the place of another is told apart by its fields.
      if (bytes !== undefined && !mixed) checkBlock(sample, bytes);
    }
    await checkStatus(files);
  },
});

interface ArbitraryDocuments {
  readonly document: number;
  readonly field: string;
  readonly value: unknown;
}

const field = fc.constantFrom(
  ...new Set(DOCUMENTS.flatMap(({ document }) => Object.keys(document))),
  '__proto__',
  'constructor',
);

export const arbitraryDocuments = defineTarget<ArbitraryDocuments>({
  name: 'document-shapes',
  promise: 'a document with any JSON in a field is taken whole or names the field that is wrong',
  inputsInTests: 500,
  inputs: fc.record({ document: fc.nat(DOCUMENTS.length - 1), field, value: fc.jsonValue() }),
  check: async (input) => {
    const sample = DOCUMENTS[input.document % DOCUMENTS.length] as SampleDocument;
    const document: unknown = JSON.parse(
      JSON.stringify({ ...sample.document, [input.field]: input.value }),
    );
    firstWrongField(input.value, sample.shape);
    let block: Uint8Array;
    try {
      block = encodeDocumentBlock(document as object);
    } catch (error) {
      assert.ok(error instanceof HoldfastError && error.code === 'LIMIT_EXCEEDED', String(error));
      return;
    }
    const fileSystem = new MemoryFileSystem();
    fileSystem.put('/store/document', block);
    const read = await readDocument(fileSystem, '/store/document', sample.shape);
    const wrong = firstWrongField(document, sample.shape);
    if (wrong === null) assert.deepEqual(read, { kind: 'valid', document });
    else assert.ok(read.kind === 'unreadable' && read.why.includes(`"${wrong}"`), read.kind);
    const written = new Map(DOCUMENTS.map((one) => [one.name, encodeDocumentBlock(one.document)]));
    await checkStatus(written.set(sample.name, block));
  },
});
