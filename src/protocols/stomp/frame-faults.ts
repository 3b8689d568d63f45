/** Everything that can be wrong with the bytes of a frame, in words for whoever wrote the client. */
import { CARRIAGE_RETURN } from './bytes.js';
import { type Command, commandName } from './commands.js';
import { endsLinesWithCarriageReturn } from './frame.js';
import { StompError } from './stomp-error.js';
import type { StompVersion } from './version.js';

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function checkUtf8(command: Command, headers: Uint8Array): void {
  try {
    strictDecoder.decode(headers);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new StompError(
      `${commandName(command)} has a header that is not UTF-8`,
      'Encode the names and values of all headers in UTF-8.',
    );
  }
}

export function unknownCommand(line: Uint8Array): StompError {
  const printable = Array.from(line, (byte) =>
    byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
  const hint = line.includes(CARRIAGE_RETURN) ? ' CR LF ends a line only in STOMP 1.2.' : '';
  return new StompError(
    `Unknown command "${printable}"`,
    `Send STOMP 1.0, 1.1 or 1.2 frames; a command is in capitals, on a line of its own.${hint}`,
  );
}

export function nulInHeaders(command: Command): StompError {
  return new StompError(
    `NUL among the headers of ${commandName(command)}`,
    'An empty line must come between the headers and the NUL that ends the frame.',
  );
}

export function malformedLine(command: Command, version: StompVersion | null): StompError {
  const hint = endsLinesWithCarriageReturn(version)
    ? ''
    : ' Lines end in LF; CR LF is allowed from STOMP 1.2 on.';
  return new StompError(
    `${commandName(command)} has a header line without a name and a colon`,
    `Each header is NAME:VALUE on a line of its own.${hint}`,
  );
}

export function strayCarriageReturn(command: Command): StompError {
  return new StompError(
    `Carriage return inside a header line of ${commandName(command)}`,
    'In STOMP 1.2 it only stands before a line feed; in a name or a value write it as \\r.',
  );
}

export function badContentLength(command: Command): StompError {
  return new StompError(
    `${commandName(command)} has a content-length that is no number`,
    'Give the number of bytes of the body in decimal digits, or leave the header out.',
  );
}

export function longerThanContentLength(command: Command): StompError {
  return new StompError(
    `${commandName(command)} is longer than its content-length`,
    'The byte behind the body must be NUL; content-length counts bytes, not characters.',
  );
}

/** STOMP 1.2, "Body". */
export function unexpectedBody(command: Command): StompError {
  return new StompError(
    `${commandName(command)} has a body`,
    'Only SEND, MESSAGE and ERROR may have one; end the frame with NUL behind its empty line.',
  );
}
