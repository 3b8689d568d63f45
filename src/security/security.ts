/** Users and their rights, as a node's listeners ask for them. */
import type { BrokerEndpoint, BrokerSession, ClientBroker } from '../broker/api.js';
import { hostOf } from '../config/address.js';
import type { Cryptography } from '../platform/cryptography.js';
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import type { Clock, Socket } from '../platform/ports.js';
import type { Admission, Authentication } from '../protocols/shared/authentication.js';
import { Authenticator, type ScramAttempt } from './authenticator.js';
import { AuthorizedSession } from './authorized-session.js';
import { FloodGate } from './flood-gate.js';
import { RefusalLog } from './refusal-log.js';
import { isAllowed, isAllowedSomewhere, type Right, type Rule } from './rights.js';
import type { User, UsersFile } from './users-file.js';
import { formatScram, formatScrypt } from './verifiers.js';

const MAX_NAME_CHARACTERS = 128;

export interface SecurityOptions {
  readonly cryptography: Cryptography;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface OpenSession {
  readonly user: string;
  /** Of the user, when it logged in. */
  readonly standing: string;
  readonly end: (reason: string) => void;
}

/** Who asks by requests that are each on their own, and what that user may do. */
export interface KnownUser {
  readonly name: string;
  /** What it may do, for those who show what can be done. */
  readonly rules: readonly Rule[];
  may(right: Right, address: string): boolean;
  /** On some address at least. */
  maySomewhere(right: Right): boolean;
  /** Whether its password and its rights are those of before: to be asked again by what lasts. */
  isCurrent(): boolean;
}

export class Security {
  private readonly options: SecurityOptions;
  private readonly authenticator: Authenticator;
  private readonly sessions = new Set<OpenSession>();
  private file: UsersFile;
  private readonly flood: FloodGate;
  private readonly refusals: RefusalLog;

  constructor(options: SecurityOptions, file: UsersFile) {
    this.options = options;
    this.authenticator = new Authenticator(options, file);
    this.refusals = new RefusalLog(options, 'login-refused');
    this.flood = new FloodGate(options.clock, (remoteAddress) =>
      this.authenticator.isFlooding(hostOf(remoteAddress)),
    );
    this.file = file;
  }

  /** Who was changed, as by a new password or other rights, or is gone, is disconnected. */
  replace(file: UsersFile): void {
    this.file = file;
    this.authenticator.replace(file);
    for (const session of [...this.sessions]) {
      if (this.isStanding(session.user, session.standing)) continue;
      const what = file.users.has(session.user) ? 'was changed' : 'was removed';
      session.end(`User ${session.user} ${what} on the broker`);
    }
  }

  /** True for a new connection of an address that floods this node: it is held for a while, and then closed or handed on. */
  holdsOff(socket: Socket, afterwards?: () => void): boolean {
    return this.flood.takes(socket, afterwards);
  }

  /** For the client at the other end of the socket. */
  authentication(
    broker: ClientBroker,
    { remoteAddress, tls }: Pick<Socket, 'remoteAddress' | 'tls'>,
  ): Authentication {
    const address = hostOf(remoteAddress);
    const certificate = tls?.certificate ?? null;
    const { authenticator } = this;
    const admit = (user: User | null, login: string): Admission | null => {
      if (user === null) {
        this.tellRefused(remoteAddress, login.slice(0, MAX_NAME_CHARACTERS));
        return null;
      }
      return { user: user.name, broker: this.endpointOf(user, broker) };
    };
    return {
      certificate,
      offersCertificate: certificate !== null && authenticator.userOf(certificate) !== null,
      withCertificate: async () => {
        const login = `the certificate of ${certificate?.subject ?? 'nobody'}`;
        const user = await authenticator
          .withCertificate(address, certificate)
          .catch((error) => this.failUnseen(error, remoteAddress, login));
        return admit(user, login);
      },
      withPassword: async (login, passcode) => {
        const user = await authenticator
          .withPassword(address, login, passcode)
          .catch((error) => this.failUnseen(error, remoteAddress, login));
        return admit(user, login);
      },
      beginScram: () => {
        if (!authenticator.offersScram) return null;
        let attempt: ScramAttempt | null = null;
        return {
          first: (message) => {
            attempt = authenticator.beginScram(address, message);
            return attempt?.challenge ?? null;
          },
          final: async (message) => {
            if (attempt === null) return null;
            const { user } = attempt;
            const end = await authenticator
              .endScram(attempt, message)
              .catch((error) => this.failUnseen(error, remoteAddress, user));
            const admission = admit(end?.user ?? null, user);
            return admission === null || end === null ? null : { admission, message: end.message };
          },
        };
      },
    };
  }

  /** For requests that are each on their own. Null when login or password is wrong. */
  async userWithPassword(
    remoteAddress: string,
    login: string,
    password: string,
  ): Promise<KnownUser | null> {
    const user = await this.authenticator
      .withPassword(remoteAddress, login, password)
      .catch((error) => this.failUnseen(error, remoteAddress, login));
    if (user === null) {
      this.tellRefused(remoteAddress, login.slice(0, MAX_NAME_CHARACTERS));
      return null;
    }
    const rules = this.rulesOf(user);
    const standing = this.standingOf(user);
    return {
      name: user.name,
      rules,
      may: (right, address) => isAllowed(rules, right, address),
      maySomewhere: (right) => isAllowedSomewhere(rules, right),
      isCurrent: () => this.isStanding(user.name, standing),
    };
  }

  /** A client, at HOST:PORT, whose certificate was refused before it could log in: it counts like a wrong password. */
  certificateRefused(remoteAddress: string): void {
    this.authenticator.countFailure(hostOf(remoteAddress));
  }

  private failUnseen(error: unknown, remoteAddress: string, login: string): never {
    if (error instanceof HoldfastError && error.code === 'LIMIT_EXCEEDED') {
      this.tellRefused(remoteAddress, login.slice(0, MAX_NAME_CHARACTERS));
    } else {
      const sentence = `A login could not be looked at: ${messageOf(error)}`;
      this.options.logger.error('login-failed', { remoteAddress }, sentence);
    }
    throw error;
  }

  private tellRefused(remoteAddress: string, user: string): void {
    const sentence = `A client at ${remoteAddress} could not log in as ${JSON.stringify(user)}`;
    this.refusals.tell({ remoteAddress, user }, sentence);
  }

  private endpointOf(user: User, broker: ClientBroker): BrokerEndpoint {
    const standing = this.standingOf(user);
    return {
      openSession: (events, describe, identity) => {
        if (!this.isStanding(user.name, standing)) {
          const sentence = `User ${user.name} was changed on the broker meanwhile; log in again.`;
          throw new HoldfastError('ACCESS_DENIED', sentence);
        }
        const inner = broker.openSession(events, `${describe} (user ${user.name})`, identity);
        const session: OpenSession = {
          user: user.name,
          standing,
          end: (reason) => events.abort(reason),
        };
        const rights = {
          user: user.name,
          rules: this.rulesOf(user),
          hasQueue: (name: string) => broker.hasQueue(name),
        };
        this.sessions.add(session);
        return new ListedSession(inner, rights, () => this.sessions.delete(session));
      },
    };
  }

  private isStanding(name: string, standing: string): boolean {
    const now = this.file.users.get(name);
    return now !== undefined && this.standingOf(now) === standing;
  }

  private rulesOf({ roles }: User): readonly Rule[] {
    return roles.flatMap((role) => this.file.roles.get(role) ?? []);
  }

  /** Two that are the same allow the same to whoever knows the same password. */
  private standingOf(user: User): string {
    const scrypt = user.scrypt === null ? null : formatScrypt(user.scrypt);
    const scram = user.scram === null ? null : formatScram(user.scram);
    return JSON.stringify([scrypt, scram, this.rulesOf(user)]);
  }
}

/** One that is known for as long as it is open. */
class ListedSession extends AuthorizedSession {
  private readonly onClosed: () => void;

  constructor(
    inner: BrokerSession,
    rights: ConstructorParameters<typeof AuthorizedSession>[1],
    onClosed: () => void,
  ) {
    super(inner, rights);
    this.onClosed = onClosed;
  }

  override close(): void {
    this.onClosed();
    super.close();
  }
}
