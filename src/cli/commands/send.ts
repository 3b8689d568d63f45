/** `holdfast send`: messages from the command line, a file or standard input, each confirmed. */

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { SendRequest } from '../../client/stomp-client.js';
import { messageOf } from '../../platform/errors.js';
import { requireWhole, usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { CONNECTION_OPTIONS, openConnection } from '../stomp/options.js';
import { Sender } from '../stomp/sender.js';
import { durationText, messagesText } from '../text.js';

const STANDARD_INPUT = '-';

export const command = defineCommand({
  options: {
    ...CONNECTION_OPTIONS,
    file: { type: 'string', requiresArg: true, description: 'Send the content of this file' },
    count: {
      type: 'number',
      requiresArg: true,
      default: 1,
      description: 'Send the message so many times',
    },
    size: {
      type: 'number',
      requiresArg: true,
      description: 'Make the message so many bytes long, by cutting or filling it up',
    },
    header: {
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
      default: [],
      description: 'NAME=VALUE; may be given several times',
    },
    transient: {
      type: 'boolean',
      default: false,
      description: 'Keep the messages in memory only; a takeover loses them',
    },
  },
  positionals: {
    destination: {
      type: 'string',
      demandOption: true,
      description: '/queue/NAME or /topic/NAME',
    },
    text: { type: 'string', description: 'The message; - sends each line of standard input' },
  },
  examples: [
    ['send /queue/orders "hello"', 'One message'],
    ['send /queue/load --count 10000 --size 1024', 'Many of 1 KiB'],
    ['send /queue/orders --file order.json', 'The content of a file'],
    ['send /queue/orders - <orders.txt', 'One message per line'],
    ['send /queue/orders "hello" --header type=greeting', 'With a header'],
  ],
  epilogue:
    'Ends when every message is confirmed. What a lost connection left unconfirmed is sent again and may arrive twice.',
  async run(given) {
    const { destination, text } = given;
    const count = requireWhole('count', given.count, 1);
    const headers = parseHeaders(given.header.map(String), given.transient);
    const bodies = text === STANDARD_INPUT ? standardInputLines() : repeat(readBody(given), count);
    if (text === STANDARD_INPUT) refuseBesideInput(given);
    const sender = new Sender(await openConnection(given));
    process.once('SIGINT', () => interrupted(sender));
    const startedAtMs = performance.now();
    const request = { destination, headers, isText: given.file === undefined };
    const confirmed = await sender.sendAll(toRequests(bodies, request));
    const took = durationText(performance.now() - startedAtMs);
    process.stdout.write(`${messagesText(confirmed)} confirmed in ${took}.\n`);
    return EXIT.ok;
  },
});

function interrupted({ confirmedCount }: Sender): never {
  process.stderr.write(
    `holdfast: Interrupted: ${messagesText(confirmedCount)} confirmed; what was on its way may have arrived.\n`,
  );
  process.exit(EXIT.interrupted);
}

/** The first of two headers with one name counts (STOMP 1.2, repeated header entries): one of the two would be ignored. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'destination',
  'content-length',
  'receipt',
  'transaction',
]);

/** Exported for its test. */
export function parseHeaders(lines: readonly string[], transient: boolean): Record<string, string> {
  const headers: Record<string, string> = transient ? { persistent: 'false' } : {};
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals < 1) {
      throw usageError(`--header must be NAME=VALUE, but is "${line}".`);
    }
    const name = line.slice(0, equals);
    if (OWN_HEADERS.has(name)) {
      throw usageError(`--header cannot give ${name}, which this command writes itself.`);
    }
    headers[name] = line.slice(equals + 1);
  }
  return headers;
}

/** What says how one message is made would be ignored. */
function refuseBesideInput(given: {
  readonly file: string | undefined;
  readonly size: number | undefined;
  readonly count: number;
  readonly 'password-stdin': boolean;
}): void {
  if (given['password-stdin']) {
    throw usageError(
      'Standard input cannot be both the messages and the password; use --password-file.',
    );
  }
  const { file, size, count } = given;
  if (file !== undefined || size !== undefined || count !== 1) {
    throw usageError('Each line of standard input is one message: no --file, --size and --count.');
  }
}

/** Exported for its test. */
export function fitToSize(body: Uint8Array, sizeBytes: number): Uint8Array {
  const fitted = new Uint8Array(sizeBytes).fill('x'.charCodeAt(0));
  fitted.set(body.subarray(0, sizeBytes));
  return fitted;
}

function readBody(given: {
  readonly text: string | undefined;
  readonly file: string | undefined;
  readonly size: number | undefined;
}): Uint8Array {
  const { text, file, size } = given;
  if (text !== undefined && file !== undefined) {
    throw usageError('Give either a text or --file, not both.');
  }
  if (text === undefined && file === undefined && size === undefined) {
    throw usageError(
      'There is nothing to send; give a text, --file FILE, --size BYTES, or - for standard input.',
    );
  }
  const body = file === undefined ? new TextEncoder().encode(text ?? '') : readFile(file);
  return size === undefined ? body : fitToSize(body, requireWhole('size', size, 0));
}

function readFile(name: string): Uint8Array {
  try {
    return readFileSync(name);
  } catch (error) {
    throw usageError(`The file ${name} cannot be read: ${messageOf(error)}.`);
  }
}

async function* repeat(body: Uint8Array, count: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent += 1) {
    yield body;
  }
}

async function* standardInputLines(): AsyncGenerator<string> {
  yield* createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
}

async function* toRequests(
  bodies: AsyncGenerator<Uint8Array | string>,
  request: Omit<SendRequest, 'body'>,
): AsyncGenerator<SendRequest> {
  for await (const body of bodies) {
    yield { ...request, body };
  }
}
