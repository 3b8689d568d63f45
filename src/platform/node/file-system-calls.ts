/** What goes between a process and the one that carries out its file system calls. */
import type { OpenMode, TimedWrites } from '../ports.js';

type PathCall =
  | 'stat'
  | 'list'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'unlink'
  | 'syncDirectory'
  | 'freeBytes';
type HandleCall = 'sync' | 'syncInBackground' | 'statHandle' | 'tryLockExclusive' | 'close';

export type FileSystemCall =
  | { readonly call: 'hello' }
  | { readonly call: 'open'; readonly path: string; readonly mode: OpenMode }
  | { readonly call: PathCall; readonly path: string }
  | { readonly call: 'rename'; readonly path: string; readonly to: string }
  | ({ readonly call: 'timeWrites' } & TimedWrites)
  | {
      readonly call: 'write';
      readonly handle: number;
      readonly bytes: Uint8Array;
      readonly position: number;
    }
  | {
      readonly call: 'read';
      readonly handle: number;
      readonly length: number;
      readonly position: number;
    }
  | { readonly call: HandleCall; readonly handle: number };

export interface NumberedCall {
  readonly number: number;
  readonly call: FileSystemCall;
}

export interface FileSystemAnswer {
  readonly number: number;
  readonly value: unknown;
  readonly failed: { readonly message: string; readonly code: string | undefined } | null;
}
