/** `stomp://HOST:PORT`, as the command line takes it and `status` shows it. */
import { HoldfastError } from '../platform/errors.js';
import type { HostPort } from '../platform/ports.js';

const DEFAULT_PORT = 61613;
const FORM = /^stomp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?\/?$/;

export function parseStompUrl(url: string): HostPort {
  const match = FORM.exec(url);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      `"${url}" is not a STOMP address; write stomp://HOST:PORT, such as stomp://127.0.0.1:${DEFAULT_PORT}.`,
    );
  }
  return { host, port };
}
