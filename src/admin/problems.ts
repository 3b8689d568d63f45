/** Errors as the listener's clients get them: problem details, RFC 9457. `code` is the one of docs/cli.md. */

import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { type ErrorCode, HoldfastError, messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code?: ErrorCode;
}

/** For OpenAPI. */
export const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'Problem details, RFC 9457.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong, and how to mend it.' },
    code: { type: 'string', description: 'Stays the same; docs/cli.md lists them.' },
  },
} as const;

const TITLES: { readonly [status: number]: string } = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

const STATUS_OF: { readonly [Code in ErrorCode]?: number } = {
  ACCESS_DENIED: 403,
  NOT_FOUND: 404,
  DESTINATION_GONE: 404,
  CLIENT_FAILED: 400,
  QUEUE_IN_USE: 409,
  HANDOVER_REFUSED: 409,
  LIMIT_EXCEEDED: 429,
  OWNERSHIP_LOST: 503,
  NOBODY_LIVE: 503,
  STORE_STALLED: 503,
  JOURNAL_IO_FAILED: 503,
};

export function sendProblem(reply: FastifyReply, problem: Omit<Problem, 'title'>): FastifyReply {
  const { status, detail, code } = problem;
  const title = TITLES[status] ?? 'Error';
  const body = { type: 'about:blank', title, status, detail, ...(code ? { code } : {}) };
  // As text: the schema of an answer is not that of an error.
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}

export function answerProblems(server: FastifyInstance, logger: Logger): void {
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      detail: `There is nothing at ${request.method} ${request.url}; /api/v1/openapi.json lists what there is.`,
    }),
  );
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof HoldfastError) {
      const status = STATUS_OF[error.code] ?? 500;
      return sendProblem(reply, { status, detail: error.message, code: error.code });
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, { status, detail: sentenceOf(error) });
    const stack = error.stack ?? messageOf(error);
    logger.error(
      'admin-failed',
      { url: request.url, stack },
      `${request.method} ${request.url} failed unexpectedly: ${messageOf(error)}`,
    );
    return sendProblem(reply, {
      status: 500,
      code: 'UNEXPECTED',
      detail: "Something happened that the program does not foresee; the node's log has more.",
    });
  });
}

/** With the name of what is not known, which the checker tells apart from its message. */
function sentenceOf(error: FastifyError): string {
  const unknown = error.validation?.flatMap(({ params }) => params.additionalProperty ?? []) ?? [];
  const message = messageOf(error).replace(/\.$/, '');
  return unknown.length === 0 ? `${message}.` : `${message}: ${unknown.join(', ')}.`;
}
