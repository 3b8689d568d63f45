/**
 * Fastify loads its compilers of schemas and compiles those of all routes when a server starts, which is
 * a sixth of the processor time in which a node starts. Here both wait for the first request or answer
 * that needs them.
 */
import { createRequire } from 'node:module';
import type { FastifyServerOptions } from 'fastify';

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>;
/** Checks a value, or makes text of it. */
type Compiled = ((value: unknown) => unknown) & { errors?: unknown };
type BuildCompiler = (schemas: unknown, options: unknown) => (route: unknown) => Compiled;

/** They are wanted in the middle of a request, where nothing can be awaited. */
const require = createRequire(import.meta.url);

const compilersFactory = {
  buildValidator: lazily(() => require('@fastify/ajv-compiler')()),
  buildSerializer: lazily(() => require('@fastify/fast-json-stringify-compiler')()),
};

/** For `schemaController` of a server: Fastify's own compilers, each loaded and run when it is first needed. */
export const LAZY_SCHEMAS = { compilersFactory } as unknown as SchemaController;

function lazily(load: () => BuildCompiler): BuildCompiler {
  return (schemas, options) => {
    let compile: ReturnType<BuildCompiler> | null = null;
    return (route) => {
      let compiled: Compiled | null = null;
      const use: Compiled = (value) => {
        compile ??= load()(schemas, options);
        compiled ??= compile(route);
        const answer = compiled(value);
        // Where Fastify looks for what is wrong with a value.
        use.errors = compiled.errors;
        return answer;
      };
      return use;
    };
  };
}
