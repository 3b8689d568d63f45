/** Bugs in how the journal is written, read, sealed and kept small. */
import type { Canary } from './canary.js';

const SEGMENT_FILE = 'src/journal/segment-file.ts';
const WRITER = 'src/journal/writer.ts';
const READER = 'src/journal/reader.ts';
const SEAL = 'src/journal/seal.ts';
const END = 'src/journal/journal-end.ts';
const CHECKPOINT = 'src/journal/checkpoint.ts';
const TAKEOVER = 'src/node/takeover.ts';
const SPACE = 'src/node/space-keeper.ts';
const FOLLOWER = 'src/node/follower.ts';
const TENURE = 'src/node/tenure.ts';
const CHANGES = 'test/simulation/checks/journal-changes.ts';
const FRESHNESS = 'src/ownership/freshness.ts';

const OPEN_LOCKED = `  const handle = await directory.fileSystem.open(directory.pathOf(name), 'write-durable');
  if (await handle.tryLockExclusive()) return handle;
`;

export const JOURNAL_CANARIES: readonly Canary[] = [
  {
    name: 'confirm-before-sync',
    sentence: 'Blocks are confirmed when they are written, not when they are on stable storage.',
    patches: [
      {
        file: SEGMENT_FILE,
        find: "directory.fileSystem.open(directory.pathOf(name), 'write-durable')",
        replace: "directory.fileSystem.open(directory.pathOf(name), 'update')",
      },
    ],
  },
  {
    name: 'retry-failed-sync',
    sentence: 'A write that failed is followed by an fsync, and what that says is believed.',
    patches: [
      {
        file: WRITER,
        find: '    await this.#tail.handle.write(bytes.subarray(0, lengthBytes), offset);\n',
        replace: `    try {
      await this.#tail.handle.write(bytes.subarray(0, lengthBytes), offset);
    } catch {
      await this.#tail.handle.sync();
    }
`,
      },
    ],
  },
  {
    name: 'lock-on-separate-file',
    sentence:
      'Only the election file is locked; epochs and the replacement of the last segment are off, and so is the check that sees the missing lock: what is to be seen is what comes of it.',
    patches: [
      {
        file: SEGMENT_FILE,
        find: OPEN_LOCKED,
        replace: `  const handle = await directory.fileSystem.open(directory.pathOf(name), 'write-durable');
  if (name !== '') return handle;
`,
      },
      {
        file: READER,
        find: `    (block.epoch === cursor.epoch ||
      (block.type === BLOCK_TYPE.tenure && block.epoch > cursor.epoch)) &&
`,
        replace: '',
      },
      {
        file: FRESHNESS,
        find: '      await this.#requireNewestEpoch();\n',
        replace: '',
      },
      {
        file: SEAL,
        find: '  const segment = await createCopy(options, old, block.byteLength); // 4\n',
        replace: `  if (old !== null) await options.closeOldFile();
  const segment =
    old === null
      ? await createCopy(options, old, block.byteLength)
      : { ...old.name, sizeBytes: old.sizeBytes, handle: await openLocked(directory, old.name.name) };
`,
      },
      {
        file: SEAL,
        find: '  await finishSegment(directory, segment, {\n',
        replace:
          '  if (segment.name === oldFile?.name) return writer;\n  await finishSegment(directory, segment, {\n',
      },
      { file: SEAL, find: '    tailIsCopy: true,\n', replace: '    tailIsCopy: old === null,\n' },
      {
        file: CHANGES,
        find: "    if (kind === 'write' && change.isDurable && !change.hasHeldLock) this.#breachP2(view, change);\n",
        replace: '',
      },
    ],
  },
  {
    name: 'write-through-other-descriptor',
    sentence: 'A segment is locked through one descriptor and written through another.',
    patches: [
      {
        file: SEGMENT_FILE,
        find: OPEN_LOCKED,
        replace: `  const handle = await directory.fileSystem.open(directory.pathOf(name), 'write-durable');
  if (await handle.tryLockExclusive()) {
    const other = await directory.fileSystem.open(directory.pathOf(name), 'write-durable');
    return {
      path: other.path,
      write: (bytes, position) => other.write(bytes, position),
      read: (into, position) => other.read(into, position),
      sync: () => other.sync(),
      syncInBackground: () => other.syncInBackground(),
      stat: () => other.stat(),
      tryLockExclusive: () => handle.tryLockExclusive(),
      close: async () => {
        await other.close();
        await handle.close();
      },
    };
  }
`,
      },
    ],
  },
  {
    name: 'no-epoch-check-at-replay',
    sentence:
      'Replay takes the first file of a number and whatever is chained, without asking which tenure wrote it.',
    patches: [
      {
        file: READER,
        find: '    for (const name of this.#listed.toReversed()) {\n',
        replace: '    for (const name of this.#listed) {\n',
      },
      {
        file: READER,
        find: `    (block.epoch === cursor.epoch ||
      (block.type === BLOCK_TYPE.tenure && block.epoch > cursor.epoch)) &&
`,
        replace: '',
      },
      {
        file: READER,
        find: '    if (!goesOn) throw new JournalGap(CUT_OFF);\n',
        replace: '    void goesOn;\n',
      },
      {
        file: READER,
        find: '      if ((await this.#directory.segmentHeader(segment)) !== null) throw new JournalGap(CUT_OFF);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'no-reread-after-lock',
    sentence: 'The end of the journal is where it was read to before the lock was had.',
    patches: [
      {
        file: TAKEOVER,
        find: '  await follower.catchUp();\n  const newest',
        replace: '  if (follower.file === null) await follower.catchUp();\n  const newest',
      },
    ],
  },
  {
    name: 'probe-next-segment-by-name',
    sentence: 'A follower looks for the next segment by its name, before it exists.',
    patches: [
      {
        file: READER,
        find: '    const next = await this.#findFinished(number, cursor.epoch);\n',
        replace: `    const digits = (value: number): string => String(value).padStart(10, '0');
    const probed = \`\${digits(number)}-\${digits(cursor.epoch)}.segment\`;
    await (await this.#directory.openIfThere(probed))?.close();
    const next = await this.#findFinished(number, cursor.epoch);
`,
      },
    ],
  },
  {
    name: 'torn-tail-though-blocks-follow',
    sentence: 'A damaged block ends the journal, although whole blocks follow it.',
    patches: [
      {
        file: END,
        find: '  throw corrupt(explainWhole(directory.pathOf(file.name), cursor, remainder.offset));\n',
        replace: "  return 'torn-tail';\n",
      },
    ],
  },
  {
    name: 'read-error-is-end',
    sentence: 'An I/O error while reading the journal is taken for its end.',
    patches: [
      {
        file: READER,
        find: `      if (!isGone(error)) throw error;
      await this.close();
      this.#file = null;
      return null;
`,
        replace: `      await this.close();
      if (isGone(error)) this.#file = null;
      return null;
`,
      },
      {
        file: END,
        find: "    const rest = await readAll(handle, cursor.offset);\n    if (isZero(rest)) return { kind: 'zeros' };\n",
        replace: `    const rest = await readAll(handle, cursor.offset).catch(() => new Uint8Array(0));
    if (isZero(rest)) return { kind: 'zeros' };
`,
      },
    ],
  },
  {
    name: 'delete-before-copy-is-synced',
    sentence: 'Compaction deletes a segment before the copy of what lives in it is synced.',
    patches: [
      {
        file: SPACE,
        find: '      await Promise.race([drained(), this.#untilStopped]);\n',
        replace: '',
      },
      {
        file: SPACE,
        find: '        await this.#compact(step.segment);\n',
        replace: `        await this.#compact(step.segment);
        if (step.segment < (this.#checkpointCovers?.segment ?? 0)) {
          await this.#ask({ kind: 'delete-segments', segments: [step.segment] });
        }
`,
      },
    ],
  },
  {
    name: 'backup-truncates-tail',
    sentence: 'A backup that meets an unfinished block at the end clears it away.',
    patches: [
      {
        file: FOLLOWER,
        find: '        await this.#reader.requireNoGapAhead();\n',
        replace: `        await this.#reader.requireNoGapAhead();
        const { directory } = this.#options;
        const { file, cursor } = this.#reader;
        if (file !== null) {
          const handle = await directory.fileSystem.open(directory.pathOf(file.name), 'update');
          const next = new Uint8Array(512);
          const filled = await handle.read(next, cursor.offset);
          if (next.some((byte) => byte !== 0)) {
            await handle.write(new Uint8Array(filled), cursor.offset);
          }
          await handle.close();
        }
`,
      },
    ],
  },
  {
    name: 'seal-without-sync',
    sentence: 'The copy that replaces the last segment is not synced before the old one goes.',
    patches: [{ file: SEAL, find: '    await plain.sync();\n', replace: '' }],
  },
  {
    name: 'seal-without-name',
    sentence: 'The name of that copy is not synced before the old one goes.',
    patches: [
      {
        file: SEAL,
        find: '    await plain.sync();\n    await directory.sync();\n',
        replace: '    await plain.sync();\n',
      },
    ],
  },
  {
    name: 'roll-without-name',
    sentence: 'The next segment is used before its name is on stable storage.',
    patches: [{ file: SEGMENT_FILE, find: '    await directory.sync();\n', replace: '' }],
  },
  {
    name: 'unlink-before-copy',
    sentence: 'A takeover removes the old last segment before its copy is part of the journal.',
    patches: [
      {
        file: SEAL,
        find: '  await writer.append(BLOCK_TYPE.tenure, block,',
        replace: `  if (oldFile !== null) await directory.unlink(oldFile.name);
  await writer.append(BLOCK_TYPE.tenure, block,`,
      },
    ],
  },
  {
    name: 'checkpoint-header-first',
    sentence: 'The header of a checkpoint may reach the disk before its body.',
    patches: [
      {
        file: CHECKPOINT,
        find: `    await handle.syncInBackground();
    const header = { storeId: directory.storeId, epoch, covers, ...body };
`,
        replace: '    const header = { storeId: directory.storeId, epoch, covers, ...body };\n',
      },
    ],
  },
  {
    name: 'checkpoint-ahead-of-journal',
    sentence: 'A checkpoint has failed deliveries in it that are in no block yet.',
    patches: [
      {
        file: 'src/broker/checkpoint.ts',
        find: 'table.storedFailedDeliveriesOf(slot)',
        replace: 'table.failedDeliveriesOf(slot)',
      },
    ],
  },
  {
    name: 'write-again-after-failure',
    sentence: 'A write that failed is simply tried again, and the tenure goes on.',
    patches: [
      {
        file: TENURE,
        find: `      if (!this.#isOver) this.#reject(error);
      this.#isOver = true;
      throw error;
`,
        replace: `      if (error instanceof HoldfastError) {
        if (!this.#isOver) this.#reject(error);
        this.#isOver = true;
        throw error;
      }
      await task();
`,
      },
    ],
  },
];
