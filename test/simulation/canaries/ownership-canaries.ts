/** Bugs in who may write and confirm, and in what is confirmed to clients. */
import type { Canary } from './canary.js';

const TAKEOVER = 'src/node/takeover.ts';
const FRESHNESS = 'src/ownership/freshness.ts';
const WITNESS = 'src/ownership/witness.ts';
const PIPELINE = 'src/node/commit-pipeline.ts';
const CALL_WATCH = 'src/node/call-watch.ts';
const NODE_PARTS = 'src/node/node-parts.ts';
const DOCUMENT_FILE = 'src/store/document-file.ts';
const TRANSACTION = 'src/broker/transaction.ts';
const SESSION = 'src/broker/session.ts';
const DELIVERIES = 'src/broker/deliveries.ts';

export const OWNERSHIP_CANARIES: readonly Canary[] = [
  {
    name: 'live-file-by-rename',
    sentence:
      'The `live` file is replaced by a rename, and alone tells a deposed node of its successor.',
    patches: [
      {
        file: FRESHNESS,
        find: '      await this.#requireNewestEpoch();\n',
        replace: '',
      },
      {
        file: DOCUMENT_FILE,
        find: `  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }
`,
        replace: `  readonly #handle: FileHandle;
  readonly #fileSystem: FileSystem;

  private constructor(handle: FileHandle, fileSystem: FileSystem) {
    this.#handle = handle;
    this.#fileSystem = fileSystem;
  }
`,
      },
      {
        file: DOCUMENT_FILE,
        find: 'new DocumentFile<Document>(await fileSystem.open(path, mode))',
        replace: 'new DocumentFile<Document>(await fileSystem.open(path, mode), fileSystem)',
      },
      {
        file: CALL_WATCH,
        find: "      stat: (path) => this.#during('stat', path, real.stat(path)),\n",
        replace: `      stat: (path) => this.#during('stat', path, real.stat(path)),
      // The port has no such call: only the simulated file system does.
      ...{
        rename: (from: string, to: string) =>
          (real as FileSystem & { rename(from: string, to: string): Promise<void> }).rename(from, to),
      },
`,
      },
      {
        file: DOCUMENT_FILE,
        find: `    await this.#handle.write(encodeDocumentBlock(document), 0);
    await this.#handle.sync();
`,
        replace: `    const { path } = this.#handle;
    if (!path.endsWith('/live')) {
      await this.#handle.write(encodeDocumentBlock(document), 0);
      await this.#handle.sync();
      return;
    }
    const fileSystem = this.#fileSystem as FileSystem & {
      rename(from: string, to: string): Promise<void>;
    };
    const temporary = \`\${path}-\${(document as { node?: string }).node}\`;
    const next = await fileSystem.open(temporary, 'create');
    await next.write(encodeDocumentBlock(document), 0);
    await next.sync();
    await next.close();
    await fileSystem.rename(temporary, path);
`,
      },
    ],
  },
  {
    name: 'freshness-from-end-of-check',
    sentence: 'An ownership check counts from its end rather than from its beginning.',
    patches: [
      {
        file: FRESHNESS,
        find: "      if (verdict === 'owned') this.#lastGoodBeganMs = beganMs;\n",
        replace: `      if (verdict === 'owned' && beganMs > 0) {
        this.#lastGoodBeganMs = this.#options.clock.monotonicMs();
      }
`,
      },
    ],
  },
  {
    name: 'no-wait-where-nothing-fences',
    sentence: 'A takeover does not wait on a file system that does not refuse late writes.',
    patches: [
      {
        file: TAKEOVER,
        find: '  const until = clock.monotonicMs() + settings.freshMs + SEEN_LATE_MS;\n',
        replace: '  const until = clock.monotonicMs() + 0 * SEEN_LATE_MS;\n',
      },
    ],
  },
  {
    name: 'no-wait-without-contention',
    sentence: 'A lock that was never seen to be refused is believed to be shared between hosts.',
    patches: [
      {
        file: TAKEOVER,
        find: '  if (!settings.isSharedByHosts || electionLock.seenContended || epoch === 1) return false;\n',
        replace: '  if (electionLock.seenContended || epoch >= 1) return false;\n',
      },
    ],
  },
  {
    name: 'silent-while-waiting',
    sentence: 'A node that waits for older tenures to notice it gives no sign of life meanwhile.',
    patches: [
      {
        file: TAKEOVER,
        find: '    await publish(beat);\n',
        replace:
          '    if (beat < 0) await publish(beat);\n    await fileSystem.list(settings.layout.epochsDirectory);\n',
      },
    ],
  },
  {
    name: 'handover-leaves-work-behind',
    sentence: 'A tenure is released while segments are still being deleted.',
    patches: [
      {
        file: 'src/node/tenure.ts',
        find: '    await Promise.all(this.#underWay);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'sticky-state',
    sentence: 'A node that died in the middle of its takeover is waited for, for ever.',
    patches: [
      {
        file: TAKEOVER,
        find: '  const lockSeenContended = electionLock.seenContended;\n',
        replace: `  const lockSeenContended = electionLock.seenContended;
  if (lastLive?.state === 'taking-over') return null;
`,
      },
    ],
  },
  {
    name: 'witness-ignored',
    sentence: 'A mount whose locks are local is believed, although the witness beats.',
    patches: [
      {
        file: WITNESS,
        find: '  if (options.lockSeenContended) return;\n',
        replace: "  if (options.lockSeenContended || layout.root !== '') return;\n",
      },
    ],
  },
  {
    name: 'confirm-without-ownership',
    sentence: 'Confirmations leave as soon as a block is durable, whoever owns the store by then.',
    patches: [
      {
        file: PIPELINE,
        find: '    if (batch === null || !this.#isDurable || !this.isFresh) return;\n',
        replace: '    if (batch === null || !this.#isDurable) return;\n',
      },
    ],
  },
  {
    name: 'deliver-without-ownership',
    sentence: 'Messages are delivered without asking whether another node may be live by then.',
    patches: [
      {
        file: NODE_PARTS,
        find: '    mayDeliver: () => pipeline.isFresh,\n',
        replace: '    mayDeliver: () => true,\n',
      },
    ],
  },
  {
    name: 'successor-not-looked-for',
    sentence: 'The ownership check asks neither the `live` file nor the epochs for a successor.',
    patches: [
      {
        file: FRESHNESS,
        find: '      await this.#requireNewestEpoch();\n',
        replace: '',
      },
      {
        file: FRESHNESS,
        find: '    const read = await readLiveDocument(fileSystem, layout);\n',
        replace: `    if (epoch > 0) return 'owned';
    const read = await readLiveDocument(fileSystem, layout);
`,
      },
    ],
  },
  {
    name: 'trusts-remembered-link-count',
    sentence:
      'The ownership check asks the open segment for its link count, which an NFS client remembers.',
    patches: [
      {
        file: 'src/ownership/file-at-path.ts',
        find: '  const found = await openIfThere(fileSystem, path);\n',
        replace: `  if (path !== '') return (await file.stat()).linkCount > 0;
  const found = await openIfThere(fileSystem, path);
`,
      },
    ],
  },
  {
    name: 'transaction-in-two-blocks',
    sentence: 'What a transaction writes may be split over two blocks.',
    patches: [
      { file: TRANSACTION, find: '    batches.reserve(this.recordBytes());\n', replace: '' },
    ],
  },
  {
    name: 'receipt-at-once',
    sentence: 'A RECEIPT is sent when the command was understood.',
    patches: [
      {
        file: SESSION,
        find: '    this.parts.batches.confirm(this.client, token);\n',
        replace: '    if (token !== null) this.client.events.confirmed(token);\n',
      },
    ],
  },
  {
    name: 'acknowledgement-not-written',
    sentence: 'An acknowledgement takes a message out of memory only.',
    patches: [
      {
        file: DELIVERIES,
        find: '    if (table.hasFlag(slot, ENTRY_FLAG.volatile)) this.index.removeEntry(slot);\n',
        replace:
          '    if (table.hasFlag(slot, ENTRY_FLAG.volatile) || reason === 1) this.index.removeEntry(slot);\n',
      },
    ],
  },
];
