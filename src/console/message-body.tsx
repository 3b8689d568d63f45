/** A body as text, JSON or hexadecimal. */

import { useState } from 'preact/hooks';
import type { MessageView } from '../node/message-view.js';
import { bytes } from './format.js';

type Body = MessageView['body'];
type Form = 'text' | 'json' | 'hex';

const PREVIEW_CHARACTERS = 120;
const BYTES_IN_LINE = 16;
const MOST_HEX_BYTES = 64 * 1024;

export function bodyPreview(body: Body): string {
  const text = body.encoding === 'base64' ? hexOf(bytesOf(body).subarray(0, 32)) : textOf(body);
  return text.slice(0, PREVIEW_CHARACTERS);
}

export function MessageBody({ body }: { readonly body: Body }) {
  const json = jsonOf(body);
  const forms: readonly Form[] =
    body.encoding === 'base64'
      ? ['hex']
      : json === null
        ? ['text', 'hex']
        : ['json', 'text', 'hex'];
  const [wanted, setForm] = useState<Form>('json');
  const form = forms.includes(wanted) ? wanted : (forms[0] ?? 'hex');
  const shown =
    form === 'hex' ? hexDump(bytesOf(body)) : form === 'json' ? (json ?? '') : textOf(body);
  return (
    <section class="card">
      <div class="bar">
        <h2>Body</h2>
        <span class="faint">{bytes(body.bytes)}</span>
        <fieldset class="choice" aria-label="Show as">
          {forms.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={form === name}
              onClick={() => setForm(name)}
            >
              {name === 'json' ? 'JSON' : name === 'hex' ? 'Hex' : 'Text'}
            </button>
          ))}
        </fieldset>
      </div>
      {body.bytes === 0 ? <p class="empty">It has no body.</p> : <pre>{shown}</pre>}
      {body.truncated && <p class="faint">It is longer than what is shown.</p>}
    </section>
  );
}

function textOf({ encoding, value }: Body): string {
  return encoding === 'json' ? JSON.stringify(value) : String(value);
}

/** Also of what only looks like it; null when it is none. */
function jsonOf(body: Body): string | null {
  if (body.encoding === 'json') return JSON.stringify(body.value, null, 2);
  if (body.encoding === 'base64' || !/^\s*[[{]/.test(String(body.value))) return null;
  try {
    return JSON.stringify(JSON.parse(String(body.value)), null, 2);
  } catch {
    return null;
  }
}

/** Of JSON, those of its text as it is shown: the API parses it. */
function bytesOf(body: Body): Uint8Array {
  if (body.encoding !== 'base64') return new TextEncoder().encode(textOf(body));
  return Uint8Array.from(atob(String(body.value)), (character) => character.charCodeAt(0));
}

function hexOf(shown: Uint8Array): string {
  return [...shown].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function hexDump(all: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(all.length, MOST_HEX_BYTES); at += BYTES_IN_LINE) {
    const line = all.subarray(at, at + BYTES_IN_LINE);
    const place = at.toString(16).padStart(8, '0');
    const text = [...line].map((byte) =>
      byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.',
    );
    lines.push(`${place}  ${hexOf(line).padEnd(BYTES_IN_LINE * 3 - 1)}  ${text.join('')}`);
  }
  if (all.length > MOST_HEX_BYTES) lines.push('…');
  return lines.join('\n');
}
