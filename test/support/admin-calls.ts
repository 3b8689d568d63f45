/** Calls of a node's admin API, from the address and as the user that a test wants. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { NodeProcess } from './node-process.js';
import { passwordOf } from './users.js';

export interface AdminCall {
  readonly user?: string;
  /** Left out, that of the user. */
  readonly password?: string;
  /** As it is when it is a text, else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of this host, 127.x.y.z. */
  readonly from?: string;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingHttpHeaders;
  /** The text of what is no JSON; null for a stream of events, which is ended. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared with what is expected, whole.
  readonly json: any;
}

export async function askAdmin(
  node: NodeProcess,
  method: string,
  path: string,
  call: AdminCall = {},
): Promise<Answer> {
  const asked = request(`http://${node.addressOf('http')}${path}`, {
    method,
    headers: { ...headersOf(call), ...call.headers },
    agent: false,
    ...(call.from === undefined ? {} : { localAddress: call.from }),
  });
  const { body } = call;
  asked.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const { statusCode: status = 0, headers } = response;
  const type = headers['content-type'] ?? '';
  if (type.startsWith('text/event-stream')) {
    response.destroy();
    return { status, type, headers, json: null };
  }
  const answered = await text(response);
  return { status, type, headers, json: type.includes('json') ? JSON.parse(answered) : answered };
}

function headersOf({ user, password, body }: AdminCall): Record<string, string> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  if (user === undefined) return { ...type };
  return { ...type, authorization: basic(user, password ?? passwordOf(user)) };
}

/** RFC 7617. */
export function basic(user: string, password = passwordOf(user)): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
