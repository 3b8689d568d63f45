/** What every route of the API says of itself beside its schema, for the hooks that all of them go through. */

import 'fastify';

/**
 * What a caller must be allowed: to look at figures (`view`), to see messages (`browse`), to change messages, queues
 * and connections (`manage`), or to move the live role (`administer`).
 */
export type Right = 'view' | 'browse' | 'manage' | 'administer';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly right?: Right;
    /** Only the live node can answer: a backup passes it on. */
    readonly onLive?: boolean;
  }

  /** For OpenAPI. */
  interface FastifySchema {
    readonly tags?: readonly string[];
    readonly summary?: string;
  }

  interface FastifyRequest {
    /** What a changing call did, for the log. */
    audit: { readonly [name: string]: unknown } | null;
  }
}

export const VIEW = { right: 'view' } as const;
export const VIEW_LIVE = { right: 'view', onLive: true } as const;
export const BROWSE = { right: 'browse', onLive: true } as const;
export const MANAGE = { right: 'manage', onLive: true } as const;
export const ADMINISTER = { right: 'administer', onLive: true } as const;

export function isChange(right: Right | undefined): boolean {
  return right === 'manage' || right === 'administer';
}
