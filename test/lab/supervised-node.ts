/**
 * One node on a broker of the lab under a supervisor, which starts it again one second after it ended,
 * as systemd does: what it logged, and how each of its runs ended.
 */
import { createInterface } from 'node:readline';
import { type Broker, dataAddress, type Host } from '../../scripts/lab/hosts.js';
import type { Lab } from '../../scripts/lab/lab.js';
import type { LabProcess } from '../../scripts/lab/lab-process.js';
import { PROJECT_IN_GUESTS, STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import type { NodeReport } from '../../src/node/node-report.js';
import type { Role } from '../../src/ownership/role.js';
import { within } from '../support/eventually.js';
import { encodeFaults, FAULTS_VARIABLE, type Fault } from '../support/fault-injection/fault.js';

const STOMP_PORT = 61613;
const ADMIN_PORT = 8161;
/** The supervisor says how the node ended; 137 is SIGKILL. */
const ENDED = /^supervisor: ended with (\d+)$/;

export interface NodeLine {
  readonly event: string;
  readonly message: string;
  readonly level: string;
  readonly run: number;
  readonly [field: string]: unknown;
}

export interface SupervisedOptions {
  readonly faults?: readonly Fault[] | undefined;
  readonly settings?: Readonly<Record<string, string>>;
}

export class SupervisedNode {
  readonly broker: Broker;
  readonly log: NodeLine[] = [];
  readonly otherOutput: string[] = [];
  /** Exit codes of its runs that are over. */
  readonly ends: number[] = [];
  readonly #lab: Lab;
  #process: LabProcess | null = null;
  /** Where in the log its present run begins. */
  #runFrom = 0;
  #watchers: (() => void)[] = [];

  constructor(lab: Lab, broker: Broker) {
    this.#lab = lab;
    this.broker = broker;
  }

  get stompAddress(): string {
    return `${dataAddress(this.broker)}:${STOMP_PORT}`;
  }

  get adminAddress(): string {
    return `${dataAddress(this.broker)}:${ADMIN_PORT}`;
  }

  /** The role that its present run logged last; null when there is none. */
  get role(): Role | null {
    const ofThisRun = this.log.slice(this.#runFrom);
    return (ofThisRun.findLast(({ event }) => event === 'role-changed')?.to as Role) ?? null;
  }

  /** When its present run said that it has this role, by the clock that all hosts have; of several times the last one. */
  sinceMs(role: Role): number {
    const line = this.log.findLast(({ event, to }) => event === 'role-changed' && to === role);
    return Date.parse(String(line?.time));
  }

  /** Starts the supervisor, and it the node. With `faults` what goes wrong in its storage thread, in its first run. */
  start({ faults, settings = {} }: SupervisedOptions = {}): this {
    const hasUsers = settings.HOLDFAST_SECURITY_USERS_FILE !== undefined;
    const flags = [
      ...['start', '--store', STORE_IN_GUESTS, '--name', this.broker, '--log-format', 'json'],
      ...['--stomp', this.stompAddress, '--admin', this.adminAddress],
      ...(hasUsers ? [] : ['--allow-anonymous']),
    ].join(' ');
    const faulty = `node ${PROJECT_IN_GUESTS}/dist/test/support/fault-injection/faulty-node.js`;
    const first = faults === undefined ? 'holdfast' : faulty;
    const command = `
      program="${first}"
      while :; do
        $program ${flags}
        echo "supervisor: ended with $?" >&2
        program=holdfast
        sleep 1
      done`;
    const environment = {
      ...settings,
      ...(faults === undefined ? {} : { [FAULTS_VARIABLE]: encodeFaults(faults) }),
    };
    const process = this.#lab.spawn(this.broker, command, { user: 'holdfast', environment });
    this.#process = process;
    this.#runFrom = this.log.length;
    createInterface({ input: process.stderr }).on('line', (line) => this.#onLine(line));
    return this;
  }

  async untilRole(role: Role, limitMs = 60_000): Promise<this> {
    await this.until(`${this.broker} is ${role}`, () => this.role === role, limitMs);
    return this;
  }

  /** How often the supervisor has started it again. */
  get run(): number {
    return this.ends.length;
  }

  /** Resolves with the exit code of that run when the next one has the role. */
  async untilRestarted(run: number, role: Role, limitMs = 60_000): Promise<number> {
    const isBack = (): boolean =>
      this.log.some(
        (line) => line.run === run + 1 && line.event === 'role-changed' && line.to === role,
      );
    await this.until(`${this.broker} was started again and is ${role}`, isBack, limitMs);
    return this.ends[run] ?? 0;
  }

  async until(what: string, isTrue: () => boolean, limitMs = 60_000): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isTrue()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
    };
    try {
      await within(what, wait(), limitMs);
    } catch (error) {
      const said = [...this.log.slice(-5).map(({ message }) => message), ...this.otherOutput];
      throw new Error(`${String(error)}; it said: ${said.join(' | ')}`);
    }
  }

  /** To the node alone, not to its supervisor. */
  async signal(signal: 'KILL' | 'TERM' | 'STOP' | 'CONT'): Promise<void> {
    await this.#lab.run(this.broker, `pkill -${signal} -u holdfast -x node`);
  }

  /** What it says of itself; asking takes seconds on its own host, and much longer while that waits for its file server. */
  async report(from: Host = this.broker): Promise<NodeReport> {
    const url = `http://${this.adminAddress}/api/v1/node`;
    const program = `fetch(${JSON.stringify(url)}).then(async (r) => console.log(await r.text()))`;
    return JSON.parse(await this.#lab.run(from, `node -e '${program}'`)) as NodeReport;
  }

  /** Ends the supervisor and the node, at once. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    this.#runFrom = this.log.length;
    process?.signal('SIGKILL');
    await process?.ended.catch(() => undefined);
  }

  #onLine(line: string): void {
    const ended = ENDED.exec(line);
    if (ended !== null) {
      this.ends.push(Number(ended[1]));
      this.#runFrom = this.log.length;
    } else if (line.startsWith('{'))
      this.log.push({ ...JSON.parse(line), run: this.run } as NodeLine);
    else this.otherOutput.push(line);
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const wake of watchers) wake();
  }
}
