/** Bugs in what comes first, and to whom: priorities and message groups. */
import type { Canary } from './canary.js';

export const ORDER_CANARIES: readonly Canary[] = [
  {
    name: 'checkpoint-without-priorities',
    sentence: 'A checkpoint does not say which priority an entry has.',
    patches: [
      {
        file: 'src/broker/checkpoint.ts',
        find: 'storedTraits(isRedelivered, table.priorityOf(slot), table.groupOf(slot))',
        replace: 'storedTraits(isRedelivered, 4, table.groupOf(slot))',
      },
      {
        file: 'src/broker/record-applier.ts',
        find: 'if (last !== NONE && !table.isBefore(last, slot))',
        replace: 'if (last === slot)',
      },
    ],
  },
  {
    name: 'rollback-by-priority',
    sentence: 'What a rollback gives a consumer back is among what it holds by its priority.',
    patches: [
      {
        file: 'src/broker/delivered-list.ts',
        find: '  return table.deliveryNumberOf(slot) < table.deliveryNumberOf(other);\n',
        replace: '  return table.isBefore(slot, other);\n',
      },
    ],
  },
  {
    name: 'groups-given-away-early',
    sentence:
      'A message group is given to another consumer while its owner holds unacknowledged messages.',
    patches: [
      {
        file: 'src/broker/message-groups.ts',
        find: '    if (held.owner !== null || held.held > 0 || held.waiting > 0) return false;\n',
        replace: '    if (held.owner !== null) return false;\n',
      },
    ],
  },
];
