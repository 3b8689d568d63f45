/** `holdfast receive`: prints messages, and acknowledges or rejects each after it was printed. */

import type { ReceivedMessage } from '../../client/received-message.js';
import type { AckMode } from '../../client/stomp-client.js';
import { requireSeconds, requireWhole, usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { CONNECTION_OPTIONS, openConnection } from '../stomp/options.js';
import { Receiver } from '../stomp/receiver.js';

const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'client-individual'];

export const command = defineCommand({
  options: {
    ...CONNECTION_OPTIONS,
    count: {
      type: 'number',
      requiresArg: true,
      default: 1,
      description: 'End after so many messages',
    },
    follow: { type: 'boolean', default: false, description: 'Go on until Ctrl-C' },
    ack: {
      choices: ACK_MODES,
      requiresArg: true,
      default: 'client-individual',
      description: 'auto: a message is gone when it is sent, printed or not',
    },
    reject: {
      type: 'boolean',
      default: false,
      description:
        'Answer that each has failed, as an application does that cannot process it: it comes again, and becomes a dead letter in the end',
    },
    json: {
      type: 'boolean',
      default: false,
      description: 'One JSON object per message, with its headers',
    },
    timeout: {
      type: 'number',
      requiresArg: true,
      description: 'Give up when no message came for so many seconds; default: never',
    },
  },
  positionals: {
    destination: {
      type: 'string',
      demandOption: true,
      description: '/queue/NAME or /topic/NAME',
    },
  },
  examples: [
    ['receive /queue/orders', 'One message'],
    ['receive /queue/orders --follow --json', 'All of them, with headers'],
    ['receive /queue/orders --count 100 --timeout 5', 'A hundred, or fewer when no more come'],
    [
      'receive /queue/orders --reject --count 10',
      'Ten failures: the message is a dead letter then',
    ],
  ],
  epilogue:
    'Ends with 4 when --timeout seconds went by without a message, with 130 when it was interrupted before --count messages.',
  async run(given) {
    const write = given.json ? writeJson : writeText;
    const count = requireWhole('count', given.count, 1);
    if (given.follow && count !== 1) throw usageError('Give either --follow or --count, not both.');
    if (given.reject && given.ack === 'auto') {
      throw usageError(
        'With --ack auto nothing is left to reject; give either --reject or --ack auto.',
      );
    }
    const timeoutMs = requireSeconds('timeout', given.timeout);
    const receiver = new Receiver({
      connection: await openConnection(given),
      destination: given.destination,
      ack: given.ack as AckMode,
      rejects: given.reject,
      count: given.follow ? Number.POSITIVE_INFINITY : count,
      timeoutMs,
      // What could not be written (a full disk) is not acknowledged: main.ts ends the program then.
      onMessage: (message, done) =>
        process.stdout.write(`${write(message)}\n`, (error) => {
          if (!error) done();
        }),
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => receiver.stop());
    }
    const received = await receiver.receiveAll();
    return given.follow || received === count ? EXIT.ok : EXIT.interrupted;
  },
});

function writeText(message: ReceivedMessage): string {
  return message.text();
}

/** Exported for its test. A body that is not text is given as base64. */
export function writeJson(message: Pick<ReceivedMessage, 'body' | 'headers'>): string {
  const headers = Object.fromEntries(message.headers());
  return JSON.stringify({ headers, ...bodyFields(message.body) });
}

function bodyFields(body: Uint8Array): { readonly body: string } | { readonly bodyBase64: string } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes)
    ? { body: text }
    : { bodyBase64: bytes.toString('base64') };
}
