/**
 * The network of one lab: a namespace with two switches, one for data and one for control, and a
 * namespace for the client host. Cuts and what they leave are kept by the kernel alone, so that they are
 * what one sees when one asks, whoever made them.
 */
import {
  BROKERS,
  CLIENT,
  CONTROL_GATEWAY,
  dataAddress,
  type Host,
  isHost,
  SERVER,
} from './hosts.js';
import { LabError } from './lab-error.js';
import type { LabPlaces } from './places.js';
import { runProgram } from './run-program.js';

/** Frames from one host to another that the switch drops. */
export interface Cut {
  readonly from: Host;
  readonly to: Host;
}

const PORT_PREFIX = 'data-';
export const dataPort = (host: Host) => `${PORT_PREFIX}${host}`;
export const controlPort = (host: Host) => `control-${host}`;

const CUT_RULES = `table bridge lab {
  set cut { type ifname . ifname; }
  chain forward { type filter hook forward priority 0; policy accept; iifname . oifname @cut drop; }
}
`;

export class LabNetwork {
  readonly #places: LabPlaces;

  constructor(places: LabPlaces) {
    this.#places = places;
  }

  /** Whether it was made to the end: the rules for cuts come last. */
  async exists(): Promise<boolean> {
    try {
      await this.#nft('list set bridge lab cut');
      return true;
    } catch {
      return false;
    }
  }

  async create(): Promise<void> {
    const { namespace, clientNamespace } = this.#places;
    await runProgram('ip', ['netns', 'add', namespace]);
    await runProgram('ip', ['netns', 'add', clientNamespace]);
    const guestPorts = ([SERVER, ...BROKERS] as const).flatMap((guest) => [
      ...tapLines(dataPort(guest), 'data'),
      ...tapLines(controlPort(guest), 'control'),
    ]);
    await this.#ip(namespace, [
      'link set dev lo up',
      'link add name data type bridge',
      'link set dev data up',
      'link add name control type bridge',
      'link set dev control up',
      `address add ${CONTROL_GATEWAY} dev control`,
      ...guestPorts,
      `link add name ${dataPort(CLIENT)} type veth peer name eth0 netns ${clientNamespace}`,
      `link set dev ${dataPort(CLIENT)} master data up`,
    ]);
    await this.#ip(clientNamespace, [
      'link set dev lo up',
      `address add ${dataAddress(CLIENT)}/24 dev eth0`,
      'link set dev eth0 up',
    ]);
    await this.#nft(CUT_RULES);
  }

  /** With whatever still runs in it. */
  async remove(): Promise<void> {
    const namespaces = await runProgram('ip', ['netns', 'list']);
    const known = new Set(namespaces.split('\n').map((line) => line.split(' ')[0]));
    for (const namespace of [this.#places.clientNamespace, this.#places.namespace]) {
      if (!known.has(namespace)) continue;
      const pids = await runProgram('ip', ['netns', 'pids', namespace]);
      for (const pid of pids.split('\n').filter((line) => line !== '')) kill(Number(pid));
      await runProgram('ip', ['netns', 'delete', namespace]);
    }
  }

  async cut(cuts: readonly Cut[]): Promise<void> {
    const elements = cuts.map(({ from, to }) => `"${dataPort(from)}" . "${dataPort(to)}"`);
    await this.#nft(`add element bridge lab cut { ${elements.join(', ')} }`);
  }

  async removeCuts(): Promise<void> {
    await this.#nft('flush set bridge lab cut');
  }

  async cuts(): Promise<readonly Cut[]> {
    const text = await this.#nft('--json', 'list set bridge lab cut');
    const { nftables } = JSON.parse(text) as { readonly nftables: readonly NftObject[] };
    const elements = nftables.flatMap(({ set }) => set?.elem ?? []);
    return elements.map(({ concat: [from, to] }) => ({ from: hostOf(from), to: hostOf(to) }));
  }

  async #ip(namespace: string, lines: readonly string[]): Promise<void> {
    const input = `${lines.join('\n')}\n`;
    await runProgram('ip', ['-n', namespace, '-batch', '-'], { input });
  }

  #nft(...args: readonly string[]): Promise<string> {
    return runProgram('ip', ['netns', 'exec', this.#places.namespace, 'nft', ...args]);
  }
}

interface NftObject {
  readonly set?: { readonly elem?: readonly { readonly concat: readonly [string, string] }[] };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function hostOf(port: string): Host {
  const host = port.slice(PORT_PREFIX.length);
  if (port.startsWith(PORT_PREFIX) && isHost(host)) return host;
  throw new LabError(`nft told of a cut at a port ${port} that no host has.`);
}

function tapLines(port: string, bridge: string): readonly string[] {
  return [`tuntap add dev ${port} mode tap vnet_hdr`, `link set dev ${port} master ${bridge} up`];
}
