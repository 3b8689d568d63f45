/** Addresses as people write them: `PORT`, `HOST:PORT` or `[IPV6]:PORT`. */

import { HoldfastError } from '../platform/errors.js';
import type { HostPort } from '../platform/ports.js';

const ADDRESS =
  /^(?:(?:\[(?<bracketed>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[^\s:[\]]+)):)?(?<port>\d{1,5})$/;
const DEFAULT_HOST = '127.0.0.1';
const HIGHEST_PORT = 65_535;

/** Reads `[HOST:]PORT`; without a host only this machine is served. `where` names the setting in the error. */
export function parseListenAddress(text: string, where: string): HostPort {
  const groups = ADDRESS.exec(text)?.groups;
  const port = Number(groups?.port);
  if (groups === undefined || port > HIGHEST_PORT) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      `${where} must be [HOST:]PORT with a port from 0 to ${HIGHEST_PORT}, such as 61613, 127.0.0.1:61613 or [::1]:61613, but is "${text}".`,
    );
  }
  return { host: groups.bracketed ?? groups.host ?? DEFAULT_HOST, port };
}

/** Reads `HOST:PORT` of something to connect to: the host is needed and the port is a real one. */
export function parseTargetAddress(text: string, where: string): HostPort {
  const groups = ADDRESS.exec(text)?.groups;
  const host = groups?.bracketed ?? groups?.host;
  const port = Number(groups?.port);
  if (host === undefined || !(port >= 1 && port <= HIGHEST_PORT)) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      `${where} must be HOST:PORT with a port from 1 to ${HIGHEST_PORT}, such as broker-1:61613 or [fd00::1]:61613, but is "${text}".`,
    );
  }
  return { host, port };
}

export function formatAddress(address: HostPort): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** Of a socket's HOST:PORT. */
export function hostOf(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf(':')));
}

/** What other hosts are told: a wildcard address would lead each of them to itself. */
export function reachableAddress(bound: HostPort, hostName: string): HostPort {
  const isWildcard = bound.host === '0.0.0.0' || bound.host === '::';
  return isWildcard ? { host: hostName, port: bound.port } : bound;
}

/** Only what certainly stays on this machine; another host name could resolve to anything. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
