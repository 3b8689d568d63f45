/** The commands of STOMP 1.0 to 1.2, of clients and of servers, and how to tell them from bytes. */
import { rangeEquals, utf8 } from './bytes.js';

export const COMMAND = {
  connect: 1,
  stomp: 2,
  send: 3,
  subscribe: 4,
  unsubscribe: 5,
  ack: 6,
  nack: 7,
  begin: 8,
  commit: 9,
  abort: 10,
  disconnect: 11,
  connected: 12,
  message: 13,
  receipt: 14,
  error: 15,
} as const;
export type Command = (typeof COMMAND)[keyof typeof COMMAND];

const NAMES: Readonly<Record<Command, string>> = {
  [COMMAND.connect]: 'CONNECT',
  [COMMAND.stomp]: 'STOMP',
  [COMMAND.send]: 'SEND',
  [COMMAND.subscribe]: 'SUBSCRIBE',
  [COMMAND.unsubscribe]: 'UNSUBSCRIBE',
  [COMMAND.ack]: 'ACK',
  [COMMAND.nack]: 'NACK',
  [COMMAND.begin]: 'BEGIN',
  [COMMAND.commit]: 'COMMIT',
  [COMMAND.abort]: 'ABORT',
  [COMMAND.disconnect]: 'DISCONNECT',
  [COMMAND.connected]: 'CONNECTED',
  [COMMAND.message]: 'MESSAGE',
  [COMMAND.receipt]: 'RECEIPT',
  [COMMAND.error]: 'ERROR',
};

/** A command line is refused as soon as it is longer than this; no command comes near. */
export const MAX_COMMAND_BYTES = 32;

export const ALL_COMMANDS: readonly Command[] = Object.values(COMMAND);

/** The hot ones first: they are met first. */
const LOOKUP = [COMMAND.send, COMMAND.ack, COMMAND.message, COMMAND.receipt, ...ALL_COMMANDS].map(
  (command) => ({ command, bytes: utf8(NAMES[command]) }),
);

export function commandName(command: Command): string {
  return NAMES[command];
}

export function commandInRange(bytes: Uint8Array, start: number, end: number): Command | undefined {
  for (const entry of LOOKUP) {
    if (rangeEquals(bytes, start, end, entry.bytes)) return entry.command;
  }
  return undefined;
}

/** STOMP 1.2, "Body": only these frames may have one. */
export function mayHaveBody(command: Command): boolean {
  return command === COMMAND.send || command === COMMAND.message || command === COMMAND.error;
}

/** STOMP 1.2, "Value Encoding": these frames are never escaped, so that 1.0 peers can read them. */
export function isNeverEscaped(command: Command): boolean {
  return command === COMMAND.connect || command === COMMAND.stomp || command === COMMAND.connected;
}
