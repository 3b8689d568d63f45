/** A small page that shows the OpenAPI document to people: no scripts of others, nothing to install. */

import type { FastifyInstance } from 'fastify';
import { OPEN } from './routes.js';

const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Holdfast admin API</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/api/v1/page.css">
<h1>Holdfast admin API</h1>
<p>The whole document: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>
<main></main><script src="/api/v1/page.js"></script></html>
`;

const STYLE = `body { font: 16px system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
code, pre { font: 14px ui-monospace, monospace; }
summary { cursor: pointer; padding: .3rem 0; }
b { display: inline-block; width: 4.5rem; }
pre { background: #8882; overflow: auto; padding: .7rem; max-height: 30rem; }
:root { color-scheme: light dark; }
`;

/** Everything goes into the page as text, never as markup. */
const SCRIPT = `const main = document.querySelector('main');
const add = (parent, name, text) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
};
const show = async () => {
  const { paths } = await (await fetch('/api/v1/openapi.json')).json();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const details = add(main, 'details');
      const summary = add(details, 'summary');
      add(summary, 'b', method.toUpperCase());
      add(summary, 'code', path);
      add(summary, 'span', ' ' + operation.summary);
      add(details, 'pre', JSON.stringify(operation, null, 2));
      if (method !== 'get' || path.includes('{') || path.endsWith('/events')) continue;
      const answer = add(details, 'pre');
      answer.hidden = true;
      const button = details.insertBefore(document.createElement('button'), answer);
      button.textContent = 'Ask';
      button.onclick = async () => {
        answer.hidden = false;
        const response = await fetch(path);
        answer.textContent = response.status + '\\n' + JSON.stringify(await response.json(), null, 2);
      };
    }
  }
};
show().catch((error) => add(main, 'p', String(error)));
`;

const FILES = [
  { url: '/api', type: 'text/html', text: PAGE, summary: 'A page that shows this document' },
  { url: '/api/v1/page.css', type: 'text/css', text: STYLE, summary: 'How that page looks' },
  { url: '/api/v1/page.js', type: 'text/javascript', text: SCRIPT, summary: 'Its script' },
] as const;

export function addBrowserPage(server: FastifyInstance): void {
  for (const { url, type, text, summary } of FILES) {
    server.get(url, { config: OPEN, schema: { tags: ['pages'], summary } }, (_, reply) =>
      reply
        .type(`${type}; charset=utf-8`)
        .header('content-security-policy', "default-src 'self'; frame-ancestors 'none'")
        .send(text),
    );
  }
}
