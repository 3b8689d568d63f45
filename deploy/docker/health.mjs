/**
 * The image's HEALTHCHECK: does the node of this container answer? Ends with 0 or 1, and says why not.
 * It asks for life and not for readiness: a backup of a store that nobody serves is well.
 */
const LIMIT_MS = 4_000;

const listen = process.env.HOLDFAST_ADMIN_LISTEN || '8161';
const port = listen.slice(listen.lastIndexOf(':') + 1);
const url = `http://127.0.0.1:${port}/health/live`;
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
  console.log(await response.text());
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  console.error(`${url} does not answer: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
