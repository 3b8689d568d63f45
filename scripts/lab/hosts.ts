/** The hosts of the lab, and where they are: every lab has the same addresses, in namespaces of its own. */
import { LabError } from './lab-error.js';

export const SERVER = 's';
export const CLIENT = 'h';
export const BROKERS = ['a', 'b', 'c'] as const;
const HOSTS = [SERVER, ...BROKERS, CLIENT] as const;

export type Broker = (typeof BROKERS)[number];
/** A machine of its own, with a kernel of its own. */
export type Guest = typeof SERVER | Broker;
/** `h` is a namespace of this machine. */
export type Host = (typeof HOSTS)[number];

const NUMBER_OF_HOST: Readonly<Record<Host, number>> = { s: 1, a: 11, b: 12, c: 13, h: 254 };
export const NETWORK_OF_HOSTS = '10.99.0.0/24';

/** What brokers, clients and the file server say to each other; partitions cut this. */
export function dataAddress(host: Host): string {
  return `10.99.0.${NUMBER_OF_HOST[host]}`;
}

/** Where the agent of a guest is reached, also while the guest is cut off from the others. */
export function controlAddress(guest: Guest): string {
  return `10.98.0.${NUMBER_OF_HOST[guest]}`;
}

/** The end of the control network in the lab's own namespace. */
export const CONTROL_GATEWAY = '10.98.0.254/24';

export function hardwareAddress(guest: Guest, network: 'data' | 'control'): string {
  const last = NUMBER_OF_HOST[guest].toString(16).padStart(2, '0');
  return `02:${network === 'data' ? '99' : '98'}:00:00:00:${last}`;
}

export function isHost(text: string): text is Host {
  return (HOSTS as readonly string[]).includes(text);
}

export function isGuest(host: Host): host is Guest {
  return host !== CLIENT;
}

export function isBroker(host: Host): host is Broker {
  return (BROKERS as readonly string[]).includes(host);
}

export function parseHost(text: string): Host {
  if (isHost(text)) return text;
  throw new LabError(
    `There is no host ${JSON.stringify(text)}; the hosts are ${HOSTS.join(', ')}.`,
  );
}

export function parseGuest(text: string): Guest {
  const host = parseHost(text);
  if (isGuest(host)) return host;
  throw new LabError(
    `${host} is a namespace of this machine and cannot be booted, paused or switched off.`,
  );
}

/** The content of /etc/hosts in every guest. */
export function hostsFile(): string {
  const lines = HOSTS.map((host) => `${dataAddress(host)} ${host}`);
  return ['127.0.0.1 localhost', ...lines, ''].join('\n');
}
