/**
 * One lab: an NFS server, brokers and a client host, with what one can do to them. Used by the command
 * line (main.ts) and by tests. What a lab is lies in the kernel and in /run, not in this object, so that
 * any number of programs may use one lab, one after the other or at the same time.
 */
import { finished } from 'node:stream/promises';
import { withFileLock } from './file-lock.js';
import type { ProcessEnd, ProcessRequest } from './frames.js';
import type { GuestMachine } from './guest.js';
import {
  BROKERS,
  CLIENT,
  type Guest,
  type Host,
  hostsFile,
  isGuest,
  NETWORK_OF_HOSTS,
  SERVER,
} from './hosts.js';
import { HostError, LabError } from './lab-error.js';
import { GuestProcess, type LabProcess, NamespaceProcess } from './lab-process.js';
import { LabSite, type Progress } from './lab-site.js';
import { isImpaired, type Link, linkCommand, parseLink, SHOW_LINK, UNIMPAIRED } from './link.js';
import type { Cut } from './network.js';
import { PROJECT_IN_GUESTS, STORE_IN_GUESTS } from './places.js';
import { PROGRAM_PATH } from './run-program.js';
import type { LabSettings } from './settings.js';

export interface ProcessOptions {
  /** `root` unless said otherwise; nodes run as `holdfast`, who owns the store. */
  readonly user?: string;
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ExecOptions extends ProcessOptions {
  readonly timeoutMs?: number;
  /** What it reads. */
  readonly input?: string;
}

export interface ExecResult extends ProcessEnd {
  readonly stdout: string;
  readonly stderr: string;
}

const GUEST_SCRIPTS = `${PROJECT_IN_GUESTS}/scripts`;
/** In scripts/lab/guest/. */
const SERVICE_SCRIPTS = { kernel: 'nfs-service.sh', ganesha: 'ganesha-service.sh' } as const;
const EXEC_LIMIT_MS = 60_000;
/** A mount waits while the server is in its grace time. */
const MOUNT_LIMIT_MS = 60_000;

export class Lab {
  readonly name: string;
  readonly #site: LabSite;
  readonly #progress: Progress;

  constructor(name: string, progress: Progress = () => undefined) {
    this.name = name;
    this.#progress = progress;
    this.#site = new LabSite(name, progress);
  }

  /** Makes it so, whatever of it is there: a second call boots only what has no power. */
  async up(settings: LabSettings): Promise<void> {
    await this.#site.build(settings);
    await withFileLock(this.#site.places.lock, this.#progress, async () => {
      await this.#site.lay(settings);
      const guests: readonly Guest[] = [SERVER, ...settings.brokers];
      const down = guests.filter((guest) => this.#site.machine(guest).power === 'down');
      if (down.length > 0) this.#progress(`booting ${down.join(', ')}`);
      for (const guest of guests) {
        if (this.#site.machine(guest).power === 'paused') this.#site.machine(guest).resume();
      }
      for (const guest of down) this.#site.start(guest);
      await Promise.all(guests.map((guest) => this.#site.untilReady(guest)));
      await this.#setUpServer();
      await Promise.all(settings.brokers.map((broker) => this.#setUpBroker(broker)));
    });
  }

  /** Removes all that there is of it. */
  async down(): Promise<void> {
    await withFileLock(this.#site.places.lock, this.#progress, () => this.#site.clear());
  }

  get isUp(): boolean {
    return this.#site.isLaid;
  }

  machine(guest: Guest): GuestMachine {
    return this.#site.machine(guest);
  }

  /** Starts `bash -c COMMAND`, which is killed when this program ends; in a guest with all that it started. */
  spawn(host: Host, command: string, options: ProcessOptions = {}): LabProcess {
    this.#site.record();
    const { places } = this.#site;
    const request: ProcessRequest = {
      command,
      user: options.user ?? 'root',
      directory: options.directory ?? '/',
      environment: { ...options.environment },
    };
    if (!isGuest(host)) {
      const environment = {
        PATH: `${places.programs}:${PROGRAM_PATH}`,
        ...request.environment,
      };
      return new NamespaceProcess(places.clientNamespace, { ...request, environment });
    }
    const machine = this.#site.machine(host);
    if (!machine.hasPower) throw new LabError(`${host} has no power; boot it first.`);
    return new GuestProcess(host, places.namespace, request, () => machine.hasPower);
  }

  /** Runs it to its end, however that is; fails when it takes too long, which kills it. */
  async exec(host: Host, command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const child = this.spawn(host, command, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    if (options.input !== undefined) child.write(options.input);
    child.endInput();
    const limitMs = options.timeoutMs ?? EXEC_LIMIT_MS;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const said = Buffer.concat([...stdout, ...stderr])
          .toString()
          .trim();
        reject(new HostError(`${host}: not within ${limitMs} ms: ${command}\n${said}`.trim()));
        child.signal('SIGKILL');
        child.abandon();
      }, limitMs);
    });
    try {
      const end = await Promise.race([child.ended, late]);
      await Promise.all([finished(child.stdout), finished(child.stderr)]);
      const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString();
      return { ...end, stdout: text(stdout), stderr: text(stderr) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs it and resolves with what it wrote; fails when it fails. */
  async run(host: Host, command: string, options: ExecOptions = {}): Promise<string> {
    const { code, signal, stdout, stderr } = await this.exec(host, command, options);
    if (code === 0) return stdout;
    const said = `${stderr}${stdout}`.trim();
    throw new HostError(`${host}: ended with ${signal ?? code}: ${command}\n${said}`.trim());
  }

  /** Drops every frame between two hosts, or only those from the first to the second. */
  async partition(x: Host, y: Host, { oneWay }: { readonly oneWay: boolean }): Promise<void> {
    if (x === y) throw new LabError(`${x} cannot be cut off from itself.`);
    this.#site.record();
    const there = { from: x, to: y };
    const back = { from: y, to: x };
    await this.#site.network.cut(oneWay ? [there] : [there, back]);
  }

  cuts(): Promise<readonly Cut[]> {
    return this.#site.network.cuts();
  }

  /** Makes every frame that leaves the host late. */
  async delay(host: Host, delayMs: number): Promise<void> {
    await this.#impair(host, { delayMs });
  }

  /** Loses a share of the frames that leave the host. */
  async loss(host: Host, lossPercent: number): Promise<void> {
    await this.#impair(host, { lossPercent });
  }

  async link(host: Host): Promise<Link> {
    return parseLink(await this.run(host, SHOW_LINK));
  }

  /** Ends all cuts, delays and losses. */
  async heal(): Promise<void> {
    this.#site.record();
    await this.#site.network.removeCuts();
    const guests = [SERVER, ...BROKERS] as const;
    const withPower = guests.filter((guest) => this.#site.machine(guest).power === 'up');
    await Promise.all(
      ([...withPower, CLIENT] as const).map((host) => this.#impair(host, UNIMPAIRED)),
    );
    const paused = guests.filter((guest) => this.#site.machine(guest).power === 'paused');
    if (paused.length > 0) {
      throw new LabError(
        `All cuts are healed, but ${paused.join(', ')} may still have a delay or a loss: ` +
          'a paused host cannot be asked. Resume it and heal again.',
      );
    }
  }

  /** Takes its power away, at once. */
  async powerOff(guest: Guest): Promise<void> {
    this.#site.record();
    const machine = this.#site.machine(guest);
    if (!machine.hasPower) throw new LabError(`${guest} has no power already.`);
    await machine.powerOff();
  }

  /** Boots a host without power and makes it what it was: the server serves, a broker mounts. */
  async boot(guest: Guest): Promise<void> {
    this.#site.record();
    await withFileLock(this.#site.places.guestLock(guest), this.#progress, async () => {
      if (this.#site.machine(guest).hasPower) throw new LabError(`${guest} has power already.`);
      this.#site.start(guest);
      await this.#site.untilReady(guest);
      if (guest === SERVER) await this.#setUpServer();
      else await this.#setUpBroker(guest);
    });
  }

  /** Stops all of the host between two instructions, until it is resumed. */
  pause(guest: Guest): void {
    this.#site.machine(guest).pause();
  }

  resume(guest: Guest): void {
    this.#site.machine(guest).resume();
  }

  /** Restarts the NFS server on `s`: clients have to reclaim their locks within the grace time. */
  async restartNfs(): Promise<void> {
    const service = SERVICE_SCRIPTS[this.#site.record().settings.server];
    await this.run(SERVER, `${GUEST_SCRIPTS}/lab/guest/${service} restart`);
  }

  async #impair(host: Host, change: Partial<Link>): Promise<void> {
    const before = await this.link(host);
    const wanted = { ...before, ...change };
    if (!isImpaired(before) && !isImpaired(wanted)) return;
    const { code, stderr } = await this.exec(host, linkCommand(wanted, { isGuest: isGuest(host) }));
    if (code === 0) return;
    const hint = isGuest(host)
      ? ''
      : ' Its kernel is the one of this machine, which seems to have no netem; delay the other end.';
    throw new LabError(`${host}: ${stderr.trim()}${hint}`);
  }

  async #setUpServer(): Promise<void> {
    const flags = serverArguments(this.#site.record().settings);
    await this.run(SERVER, `${GUEST_SCRIPTS}/lab/guest/be-server.sh ${flags}`, {
      input: hostsFile(),
    });
  }

  async #setUpBroker(broker: Guest): Promise<void> {
    const flags = brokerArguments(this.#site.record().settings);
    await this.run(broker, `${GUEST_SCRIPTS}/lab/guest/be-broker.sh ${flags}`, {
      input: hostsFile(),
      timeoutMs: MOUNT_LIMIT_MS,
    });
  }
}

function brokerArguments({ nfsVersion, mountOptions }: LabSettings): string {
  const flags = ['--server', SERVER, '--store', STORE_IN_GUESTS, '--nfs-version', nfsVersion];
  return [...flags, `--mount-options '${mountOptions}'`].join(' ');
}

function serverArguments(settings: LabSettings): string {
  const flags = [
    ['--clients', NETWORK_OF_HOSTS],
    ['--export', STORE_IN_GUESTS],
    ['--lease-seconds', settings.leaseSeconds],
    ['--grace-seconds', settings.graceSeconds],
    ['--write', settings.writeMode],
    ['--nfs3', settings.nfs3 ? 'on' : 'off'],
  ];
  return [SERVICE_SCRIPTS[settings.server], ...flags.flat()].join(' ');
}
