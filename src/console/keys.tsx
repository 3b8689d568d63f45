/** Keys that work wherever nobody writes. */

import { useEffect } from 'preact/hooks';
import { Dialog } from './dialog.js';
import { goTo } from './route.js';
import { nextTheme } from './theme.js';

const PLACE_OF_KEY: { readonly [key: string]: string } = {
  p: '',
  q: 'queues',
  d: 'dead-letters',
  c: 'charts',
  s: 'subscriptions',
  n: 'connections',
  x: 'transactions',
};

const TOLD: readonly (readonly [string, string])[] = [
  ['p', 'Pair'],
  ['q', 'Queues'],
  ['d', 'Dead letters'],
  ['c', 'Charts'],
  ['s', 'Subscriptions'],
  ['n', 'Connections'],
  ['x', 'Transactions'],
  ['/', 'To the filter'],
  ['t', 'Dark, light, or as the system has it'],
  ['?', 'These keys'],
  ['Escape', 'Closes a dialog'],
  ['Tab, Enter', 'To the next link or button, and follow it'],
];

export function useKeys(showKeys: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (document.querySelector('dialog[open]') !== null) return;
      const place = PLACE_OF_KEY[event.key];
      if (place !== undefined) goTo(...(place === '' ? [] : [place]));
      else if (event.key === '?') showKeys();
      else if (event.key === 't') nextTheme();
      else if (event.key === '/') document.querySelector<HTMLInputElement>('input.filter')?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

function isWriting(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox';
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}

export function KeysDialog({ close }: { readonly close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {TOLD.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
