/** Bugs in how messages that are sent again are known again. */
import type { Canary } from './canary.js';

const FILTER = 'src/broker/duplicate-filter.ts';

export const DUPLICATE_CANARIES: readonly Canary[] = [
  {
    name: 'duplicate-ids-in-memory',
    sentence: 'Ids of messages are known to the node that took them, and in no journal.',
    patches: [
      {
        file: FILTER,
        find: `    if (!durable) {
      this.inMemory.add(address, key, ownIds);
      return;
    }
`,
        replace: `    if (key !== '') {
      this.inMemory.add(address, key, ownIds);
      return;
    }
`,
      },
      {
        file: FILTER,
        find: '(!durable && this.inMemory.has(address, key))',
        replace: 'this.inMemory.has(address, key)',
      },
    ],
  },
  {
    name: 'duplicate-ids-arriving',
    sentence: 'An id is known only once its block is applied, not while that is being written.',
    patches: [
      {
        file: FILTER,
        find: '      arrivingDuplicates.has(address, key) ||\n',
        replace: '',
      },
      {
        file: 'src/broker/record-applier.ts',
        find: "      if (!isNew) this.reader.fail('a duplicate id is there already');\n",
        replace: '',
      },
    ],
  },
  {
    name: 'duplicate-id-without-message',
    sentence: 'The id of a message may be in the block before that of the message.',
    patches: [
      {
        file: 'src/broker/publisher.ts',
        find: '    this.batches.reserve(this.groupBytes(destination, key, bytesWithoutTargets));\n',
        replace: '',
      },
    ],
  },
  {
    name: 'duplicates-in-transactions',
    sentence: 'Ids of messages in transactions are not looked at.',
    patches: [
      {
        file: 'src/broker/publisher.ts',
        find: '    const key = message.duplicateKey;\n',
        replace: '    const key = null as DuplicateKey | null;\n',
      },
    ],
  },
  {
    name: 'checkpoint-without-duplicate-ids',
    sentence: 'A checkpoint has no ids, so they end with the segments that it stands for.',
    patches: [
      {
        file: 'src/broker/checkpoint.ts',
        find: '  writeDuplicates(index.duplicates, writer);\n',
        replace: '',
      },
    ],
  },
];
