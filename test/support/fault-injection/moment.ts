/**
 * Names for what the storage thread of a node does, so that failpoints and injected faults can say
 * where they strike: `ROLE: OPERATION TARGET`, where the role is the last one that the thread told
 * the main thread. `#` stands for a number of a file, `*` for a node, `at #` for any place but 0:
 *
 *     taking-over: write-durable journal/#-#.segment at 0
 *     live: post appended
 */
import { relative } from 'node:path/posix';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import type { FileSystemCall } from '../intercepted-file-system.js';

export type Moment = `${Role}: ${string}`;

const NUMBER_IN_NAME = /\d{10,16}/g;

export function momentOfCall(role: Role, storeRoot: string, call: FileSystemCall): Moment {
  const name = relative(storeRoot, call.path)
    .replace(NUMBER_IN_NAME, '#')
    .replace(/^nodes\/.+/, 'nodes/*');
  const target = name === '' ? '.' : name;
  const { operation, position } = call;
  const place = position === null ? '' : ` at ${position === 0 ? '0' : '#'}`;
  return `${role}: ${operation} ${target}${place}`;
}

/** What the storage thread tells the main thread. */
export function momentOfEvent(role: Role, event: StorageEvent): Moment {
  return `${role}: post ${event.kind}${event.kind === 'role' ? ` ${event.role}` : ''}`;
}

/** What the main thread asks of it. A load of all that is left in a segment is compaction's. */
export function momentOfCommand(role: Role, command: StorageCommand): Moment {
  const isRun = command.kind === 'load' && command.mayBeEnd;
  return `${role}: receive ${command.kind}${isRun ? ' of a run' : ''}`;
}
