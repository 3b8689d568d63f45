/** Calls of the admin API of the node that this page was loaded from (docs/admin.md). */

/** What the node answered when it did not do what it was asked for; RFC 9457. */
export class Problem extends Error {
  /** 0 when there was no answer. */
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

interface CallOptions {
  readonly body?: object;
  readonly limitMs?: number;
}

/** An order for many messages takes its time. */
const ANSWER_LIMIT_MS = 60_000;
const OWN_HEADER = { 'holdfast-console': '1' } as const;

let onLoggedOut = (): void => undefined;

/** Called when the node does not know who asks. */
export function whenLoggedOut(listener: () => void): void {
  onLoggedOut = listener;
}

/** @throws Problem */
export async function call<Answer>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { body, limitMs = ANSWER_LIMIT_MS }: CallOptions = {},
): Promise<Answer> {
  const response = await answerOf(path, {
    method,
    headers: {
      ...OWN_HEADER,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    cache: 'no-store',
    signal: AbortSignal.timeout(limitMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await problemOf(response, path);
  return (response.status === 204 ? null : await response.json()) as Answer;
}

/** An answer that goes on. @throws Problem */
export async function open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await answerOf(path, { headers: OWN_HEADER, cache: 'no-store', signal });
  if (response.ok && response.body !== null) return response.body;
  throw await problemOf(response, path);
}

async function answerOf(path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(`/api/v1${path}`, request);
  } catch (error) {
    throw new Problem(0, `${location.host} did not answer: ${(error as Error).message}`);
  }
}

async function problemOf(response: Response, path: string): Promise<Problem> {
  if (response.status === 401 && path !== '/session') onLoggedOut();
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text) as { detail: string };
    return new Problem(response.status, detail);
  } catch {
    return new Problem(response.status, `${response.status} ${response.statusText}`);
  }
}

export function queuePath(name: string, rest = ''): string {
  return `/queues/${encodeURIComponent(name)}${rest}`;
}
