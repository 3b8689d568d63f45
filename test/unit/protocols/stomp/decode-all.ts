/** Shared by the STOMP tests: frames as plain data that can be compared. */
import { textOf, utf8 } from '../../../../src/protocols/stomp/bytes.js';
import { commandName } from '../../../../src/protocols/stomp/commands.js';
import type { Frame } from '../../../../src/protocols/stomp/frame.js';
import { FrameDecoder, type FrameLimits } from '../../../../src/protocols/stomp/frame-decoder.js';
import type { StompVersion } from '../../../../src/protocols/stomp/version.js';

export const LIMITS: FrameLimits = { maxHeaderBytes: 1024, maxHeaders: 8, maxBodyBytes: 4096 };

export interface PlainFrame {
  readonly command: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

function plainFrame(frame: Frame): PlainFrame {
  const headers: [string, string][] = [];
  for (let index = 0; index < frame.headerCount; index++) {
    headers.push([frame.nameText(index), frame.valueText(index)]);
  }
  return {
    command: commandName(frame.command),
    headers,
    body: textOf(frame.bytes, frame.bodyStart, frame.bodyEnd),
  };
}

/** The frames in `chunks`, or the summary of what was wrong behind those that came before. */
export function decodeAll(
  chunks: readonly Uint8Array[],
  version: StompVersion | null,
  limits: FrameLimits = LIMITS,
): (PlainFrame | string)[] {
  const result: (PlainFrame | string)[] = [];
  const decoder = new FrameDecoder(limits, (frame) => result.push(plainFrame(frame)));
  decoder.version = version;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      // The bytes are only valid during the call.
      chunk.fill(0x58);
    }
  } catch (error) {
    result.push((error as { summary: string }).summary);
  }
  if (decoder.midFrame && typeof result.at(-1) !== 'string') result.push('unfinished');
  return result;
}

export function bytesOf(text: string): Uint8Array {
  return utf8(text);
}
