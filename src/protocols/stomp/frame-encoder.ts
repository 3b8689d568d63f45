/** Text to frames, for frames that are rare or whose sender is not in a hurry. */
import { utf8 } from './bytes.js';
import { type Command, commandName, isNeverEscaped } from './commands.js';
import { escapeHeader } from './escaping.js';
import { type StompVersion, VERSION } from './version.js';

export type HeaderLine = readonly [name: string, value: string];

export interface FrameToEncode {
  readonly command: Command;
  /** In this order; `content-length` is added when there is a body that is not `isText`. */
  readonly headers: readonly HeaderLine[];
  readonly body: Uint8Array;
  /** The body has no NUL and is to be known as text: brokers take what comes with a length for bytes. */
  readonly isText?: boolean;
}

/** `version` is null as long as none is agreed: then nothing is escaped, as in 1.0. */
export function encodeFrame(frame: FrameToEncode, version: StompVersion | null): Uint8Array {
  const escaping = isNeverEscaped(frame.command) || version === null ? VERSION.v10 : version;
  let head = `${commandName(frame.command)}\n`;
  for (const [name, value] of frame.headers) {
    head += `${escapeHeader(name, escaping)}:${escapeHeader(value, escaping)}\n`;
  }
  const bodyLength = frame.body.length;
  const isCounted = bodyLength > 0 && frame.isText !== true;
  const headBytes = utf8(isCounted ? `${head}content-length:${bodyLength}\n\n` : `${head}\n`);
  const bytes = new Uint8Array(headBytes.length + bodyLength + 1);
  bytes.set(headBytes);
  bytes.set(frame.body, headBytes.length);
  return bytes;
}
