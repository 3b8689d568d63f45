/** The admin API as commands call it: JSON in and out, and problem details as errors of this program. */

import { ERROR_CODES, type ErrorCode, HoldfastError, messageOf } from '../../platform/errors.js';
import { connectSentence, isBeforeAnySending } from '../../platform/node/connect-failure.js';
import type { Login } from '../login.js';
import { adminUrl } from './admin-url.js';

/** The server bounds what one call does; this is for one that hangs. */
const ANSWER_LIMIT_MS = 120_000;

export class AdminClient {
  readonly #address: string;
  readonly #login: Login | null;

  /** `address`: HOST:PORT, or https://HOST:PORT. `login`: null where no users are required. */
  constructor(address: string, login: Login | null) {
    this.#address = address;
    this.#login = login;
  }

  /** The parts of the path are encoded. */
  async call<Result>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: readonly string[],
    more: {
      readonly query?: { readonly [name: string]: string | number | undefined };
      readonly body?: unknown;
    } = {},
  ): Promise<Result> {
    const url = new URL(
      `${adminUrl(this.#address)}/api/v1/${path.map(encodeURIComponent).join('/')}`,
    );
    for (const [name, value] of Object.entries(more.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const { status, text } = await this.#fetch(url, method, more.body);
    if (status >= 400) throw problem(status, text, this.#login);
    return (text === '' ? null : JSON.parse(text)) as Result;
  }

  async #fetch(
    url: URL,
    method: string,
    body: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(url, {
        method,
        headers: this.#headers(body !== undefined),
        // Nodes redirect nobody: a password goes where it was meant to.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw new HoldfastError('CLIENT_FAILED', this.#failureSentence(error, method), {
        cause: error,
      });
    }
  }

  #failureSentence(error: unknown, method: string): string {
    const cause = (error as Error).cause ?? error;
    if (isBeforeAnySending(cause)) return connectSentence(this.#address, cause);
    const doubt = method === 'GET' ? '' : ' Whether it did what was asked is not known.';
    return `The node at ${this.#address} did not answer: ${messageOf(cause).trim()}.${doubt}`;
  }

  /** HTTP Basic, RFC 7617. */
  #headers(hasBody: boolean): Record<string, string> {
    const headers: Record<string, string> = {};
    if (hasBody) headers['content-type'] = 'application/json';
    if (this.#login !== null) {
      const { user, password } = this.#login;
      headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    }
    return headers;
  }
}

function problem(status: number, text: string, login: Login | null): HoldfastError {
  if (status === 401) {
    const sentence =
      login === null
        ? 'The node requires users: log in with --user NAME and the password from a file, the terminal or the environment.'
        : `User ${login.user} is not known to the node, or the password is wrong.`;
    return new HoldfastError('ACCESS_DENIED', sentence);
  }
  let detail = `the admin listener answered ${status}`;
  // A name, a filter or a number that this program was given.
  let code: ErrorCode = status === 400 ? 'CONFIG_INVALID' : 'CLIENT_FAILED';
  try {
    const parsed = JSON.parse(text) as { readonly detail?: unknown; readonly code?: unknown };
    if (typeof parsed.detail === 'string') detail = parsed.detail;
    if (status !== 400 && typeof parsed.code === 'string' && parsed.code in ERROR_CODES) {
      code = parsed.code as ErrorCode;
    }
  } catch {
    // Something else than a node answers there: its status is all there is to tell.
  }
  return new HoldfastError(code, detail);
}
