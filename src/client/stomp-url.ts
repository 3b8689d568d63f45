/** `stomp://HOST:PORT`, as the command line takes it, and `stomp+ssl://HOST:PORT` for TLS. */
import { HoldfastError } from '../platform/errors.js';
import type { HostPort } from '../platform/ports.js';

const DEFAULT_PORT = 61613;
const DEFAULT_TLS_PORT = 61612;
const FORM = /^stomp(\+ssl)?:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?\/?$/;

export function parseStompUrl(url: string): HostPort {
  const match = FORM.exec(url);
  const host = match?.[2] ?? match?.[3];
  const usualPort = isOverTls(url) ? DEFAULT_TLS_PORT : DEFAULT_PORT;
  const port = match?.[4] === undefined ? usualPort : Number(match[4]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      `"${url}" is not a STOMP address; write stomp://HOST:PORT, such as stomp://127.0.0.1:${DEFAULT_PORT}, or stomp+ssl://HOST:PORT.`,
    );
  }
  return { host, port };
}

export function isOverTls(url: string): boolean {
  return url.startsWith('stomp+ssl:');
}
