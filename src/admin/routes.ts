/** What every route says of itself beside its schema, for the hooks that all of them go through. */

import 'fastify';
import type { FastifyRequest } from 'fastify';
import type { Right } from '../security/rights.js';
import type { KnownUser } from '../security/security.js';

/**
 * The right that a caller needs, and on what: on `everything` (the pattern `>`), on the address that the path names
 * (`name`), or on `some` address; then the route shows and changes only what the caller may. `open`: none, to nobody.
 */
export type Access =
  | 'open'
  | { readonly right: Right; readonly on: 'everything' | 'name' | 'some' };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has to say it: see authorization.ts. */
    readonly access?: Access;
    /** Only the live node can answer: a backup passes it on. */
    readonly onLive?: boolean;
  }

  /** For OpenAPI. */
  interface FastifySchema {
    readonly tags?: readonly string[];
    readonly summary?: string;
  }

  interface FastifyRequest {
    /** Who asks; null where no users are required, and on routes that are open. */
    user: KnownUser | null;
    /** What a changing call did, for the log. */
    audit: { readonly [name: string]: unknown } | null;
  }
}

interface RouteConfig {
  readonly access: Access;
  readonly onLive?: boolean;
}

export const OPEN: RouteConfig = { access: 'open' };
export const VIEW_EVERYTHING: RouteConfig = { access: { right: 'view', on: 'everything' } };
export const VIEW_SOME: RouteConfig = { access: { right: 'view', on: 'some' } };
export const VIEW_NAMED: RouteConfig = { access: { right: 'view', on: 'name' } };
export const BROWSE_NAMED = onLive({ access: { right: 'browse', on: 'name' } });
export const CREATE_NAMED = onLive({ access: { right: 'create', on: 'name' } });
export const MANAGE_NAMED = onLive({ access: { right: 'manage', on: 'name' } });
export const MANAGE_SOME = onLive({ access: { right: 'manage', on: 'some' } });
export const MANAGE_EVERYTHING = onLive({ access: { right: 'manage', on: 'everything' } });

export function onLive(config: RouteConfig): RouteConfig {
  return { ...config, onLive: true };
}

/** Whether it is asked to change something, or for something that is not there. */
export function isChange({ method }: Pick<FastifyRequest, 'method'>): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
