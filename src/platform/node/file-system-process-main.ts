/** The process that file-system-process.ts starts. It ends with the one that started it. */
import { rename } from 'node:fs/promises';
import { errnoOf, messageOf } from '../errors.js';
import type { FileHandle, TimedWrites } from '../ports.js';
import { nodeClock } from './clock.js';
import { nodeFileSystem } from './file-system.js';
import type { FileSystemAnswer, FileSystemCall, NumberedCall } from './file-system-calls.js';

const handles = new Map<number, FileHandle>();
let lastHandle = 0;

process.on('message', (message) => {
  void answer(message as NumberedCall).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));

async function answer({ number, call }: NumberedCall): Promise<FileSystemAnswer> {
  try {
    return { number, value: await carryOut(call), failed: null };
  } catch (error) {
    const failed = { message: messageOf(error), code: errnoOf(error) };
    return { number, value: undefined, failed };
  }
}

async function carryOut(call: FileSystemCall): Promise<unknown> {
  switch (call.call) {
    case 'hello':
      return true;
    case 'open':
      return keep(await nodeFileSystem.open(call.path, call.mode));
    case 'write':
      return handleOf(call.handle).write(call.bytes, call.position);
    case 'read': {
      const into = new Uint8Array(call.length);
      return into.subarray(0, await handleOf(call.handle).read(into, call.position));
    }
    case 'rename':
      return rename(call.path, call.to);
    case 'timeWrites':
      return timeWrites(call);
    case 'statHandle':
      return handleOf(call.handle).stat();
    case 'sync':
    case 'syncInBackground':
    case 'tryLockExclusive':
    case 'close':
      return handleOf(call.handle)[call.call]();
    default:
      return nodeFileSystem[call.call](call.path);
  }
}

async function timeWrites({ path, sizeBytes, count, limitMs }: TimedWrites): Promise<number[]> {
  const handle = await nodeFileSystem.open(path, 'create-new-durable');
  const bytes = new Uint8Array(sizeBytes).fill(1);
  const deadline = nodeClock.monotonicMs() + limitMs;
  const latencies: number[] = [];
  do {
    const began = nodeClock.monotonicMs();
    await handle.write(bytes, latencies.length * sizeBytes);
    latencies.push(nodeClock.monotonicMs() - began);
  } while (latencies.length < count && nodeClock.monotonicMs() < deadline);
  await handle.close();
  return latencies;
}

function keep(handle: FileHandle): number {
  lastHandle += 1;
  handles.set(lastHandle, handle);
  return lastHandle;
}

function handleOf(number: number): FileHandle {
  const handle = handles.get(number);
  if (handle === undefined) throw new Error(`There is no open file ${number}.`);
  return handle;
}
