/**
 * What the lab and the agent in a guest say to each other, both ways: one connection is one process.
 * A frame is one byte of kind, four of length (big-endian), and the payload. Both ends are of the same
 * build, so there are no versions.
 */

export type FrameKind =
  // To the agent. `request` comes first, as JSON; `signal` is a name such as SIGKILL.
  | 'request'
  | 'input'
  | 'end-of-input'
  | 'signal'
  // From the agent. `started` is the process id; one of the last two comes last.
  | 'started'
  | 'output'
  | 'error-output'
  | 'ended'
  | 'failed';

const KINDS: readonly FrameKind[] = [
  'request',
  'input',
  'end-of-input',
  'signal',
  'started',
  'output',
  'error-output',
  'ended',
  'failed',
];

export interface ProcessRequest {
  /** For `bash -c`. */
  readonly command: string;
  readonly user: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export const AGENT_PORT = 7000;
const HEADER_BYTES = 5;

export function encodeFrame(kind: FrameKind, payload: Uint8Array | string = ''): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(HEADER_BYTES);
  // Zero is no kind, as in every format of this project.
  header.writeUInt8(KINDS.indexOf(kind) + 1, 0);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

export class FrameDecoder {
  readonly #onFrame: (kind: FrameKind, payload: Buffer) => void;
  #gathered: Buffer = Buffer.alloc(0);

  constructor(onFrame: (kind: FrameKind, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(bytes: Buffer): void {
    this.#gathered = Buffer.concat([this.#gathered, bytes]);
    while (this.#gathered.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#gathered.readUInt32BE(1);
      if (this.#gathered.length < end) return;
      const kind = KINDS[this.#gathered.readUInt8(0) - 1];
      if (kind === undefined)
        throw new Error(`no frame begins with ${this.#gathered.readUInt8(0)}`);
      const payload = this.#gathered.subarray(HEADER_BYTES, end);
      this.#gathered = this.#gathered.subarray(end);
      this.#onFrame(kind, payload);
    }
  }
}
