/** What the open files of one process share. */
import type { Client } from './client.js';
import type { Caller, FileServer } from './file-server.js';
import type { Locks } from './locks.js';
import type { ProcessCalls } from './process-calls.js';

export interface ProcessParts {
  readonly server: FileServer;
  readonly locks: Locks;
  readonly client: Client;
  readonly calls: ProcessCalls;
  readonly caller: Caller;
  /** What the kernel closes when the process dies. */
  readonly open: Set<{ abandon(): void }>;
  readonly traffic: { bytesRead: number };
}
