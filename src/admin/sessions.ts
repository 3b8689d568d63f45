/**
 * Who is logged in to the console. A session is a random name in a cookie that the page's script cannot read, and it
 * stands for a user's login: the user has the rights that it has everywhere, and the session ends with them. It keeps
 * the login in memory, because the live node asks for it when this node passes a request on.
 */

import type { FastifyRequest } from 'fastify';
import type { Cryptography } from '../platform/cryptography.js';
import type { Clock } from '../platform/ports.js';
import type { KnownUser } from '../security/security.js';

const ID_BYTES = 32;
const MOST_SESSIONS = 1_000;
const MOST_SESSIONS_OF_A_USER = 20;
const LIFETIME_MS = 12 * 60 * 60_000;
/** An open page asks each second. */
const IDLE_LIMIT_MS = 60 * 60_000;
/** Browsers take a cookie of such a name from this host alone, and only over TLS (RFC 6265bis, section 4.1.3.2). */
const SECURE_PREFIX = '__Host-';
/** Pages of other sites can make a browser send the cookie, at worst, but not a header of its own. */
export const CONSOLE_HEADER = 'holdfast-console';

interface Session {
  readonly user: KnownUser;
  /** As the header of that name has it. */
  readonly authorization: string;
  readonly openedAtMs: number;
  usedAtMs: number;
}

export class ConsoleSessions {
  readonly #cryptography: Cryptography;
  readonly #clock: Clock;
  /** By a hash of the id, so that looking one up tells nothing of it; the one used longest ago comes first. */
  readonly #sessions = new Map<string, Session>();

  constructor(cryptography: Cryptography, clock: Clock) {
    this.#cryptography = cryptography;
    this.#clock = clock;
  }

  /** Returns the id. Where there are too many, the one that was used longest ago ends. */
  open(user: KnownUser, authorization: string): string {
    this.#endStale();
    const ofUser = [...this.#sessions].filter(([, session]) => session.user.name === user.name);
    if (ofUser.length >= MOST_SESSIONS_OF_A_USER) this.#endFirst(ofUser.map(([key]) => key));
    if (this.#sessions.size >= MOST_SESSIONS) this.#endFirst(this.#sessions.keys());
    const id = Buffer.from(this.#cryptography.randomBytes(ID_BYTES)).toString('base64url');
    const nowMs = this.#clock.monotonicMs();
    const session = { user, authorization, openedAtMs: nowMs, usedAtMs: nowMs };
    this.#sessions.set(this.#keyOf(id), session);
    return id;
  }

  /** Null without one that holds. A request that logs in by itself is none of a session. */
  of(request: FastifyRequest): Readonly<Session> | null {
    const id = idIn(request);
    if (id === null || request.headers.authorization !== undefined) return null;
    const key = this.#keyOf(id);
    const session = this.#sessions.get(key);
    if (session === undefined) return null;
    this.#sessions.delete(key);
    if (!this.#holds(session)) return null;
    session.usedAtMs = this.#clock.monotonicMs();
    this.#sessions.set(key, session);
    return session;
  }

  close(request: FastifyRequest): void {
    const id = idIn(request);
    if (id !== null) this.#sessions.delete(this.#keyOf(id));
  }

  #holds({ user, openedAtMs, usedAtMs }: Session): boolean {
    const nowMs = this.#clock.monotonicMs();
    return user.isCurrent() && nowMs - openedAtMs < LIFETIME_MS && nowMs - usedAtMs < IDLE_LIMIT_MS;
  }

  #endStale(): void {
    for (const [key, session] of this.#sessions) {
      if (!this.#holds(session)) this.#sessions.delete(key);
    }
  }

  #endFirst(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#sessions.delete(key);
      return;
    }
  }

  #keyOf(id: string): string {
    return Buffer.from(this.#cryptography.sha256(Buffer.from(id))).toString('base64');
  }
}

export function isFromConsole({ headers }: FastifyRequest): boolean {
  return headers[CONSOLE_HEADER] !== undefined;
}

/**
 * `Strict`: a browser sends it with what this origin's own pages ask for. Browsers share cookies between the ports of
 * a host, so nodes of one host tell theirs apart by the port.
 */
export function cookieText(request: FastifyRequest, id: string, isOver = false): string {
  const isSecure =
    request.protocol === 'https' || (request.headers.origin ?? '').startsWith('https:');
  const name = isSecure ? `${SECURE_PREFIX}${cookieName(request)}` : cookieName(request);
  const parts = [`${name}=${id}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'];
  parts.push(`Max-Age=${isOver ? 0 : LIFETIME_MS / 1_000}`);
  if (isSecure) parts.push('Secure');
  return parts.join('; ');
}

function cookieName({ socket }: FastifyRequest): string {
  return `holdfast-session-${socket.localPort ?? 0}`;
}

function idIn(request: FastifyRequest): string | null {
  const name = cookieName(request);
  const cookies = (request.headers.cookie ?? '').split(/;\s*/);
  const secure = cookieIn(cookies, `${SECURE_PREFIX}${name}`);
  // Over TLS another one may be of whoever answered in this host's name without it.
  if (secure !== null || request.protocol === 'https') return secure;
  return cookieIn(cookies, name);
}

function cookieIn(cookies: readonly string[], name: string): string | null {
  const found = cookies.find((cookie) => cookie.startsWith(`${name}=`));
  return found === undefined ? null : found.slice(name.length + 1);
}
