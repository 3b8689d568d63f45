/** Dark, light, or as the system has it; remembered by this browser. */

import { Observable } from './observable.js';

export type Theme = 'system' | 'dark' | 'light';

const KEY = 'holdfast-theme';
const ORDER: readonly Theme[] = ['system', 'dark', 'light'];

export const theme = new Observable<Theme>(remembered());

const systemDark = matchMedia('(prefers-color-scheme: dark)');
/** It may change while the page is open; a canvas does not see that by itself. */
export const isSystemDark = new Observable(systemDark.matches);
systemDark.addEventListener('change', ({ matches }) => isSystemDark.set(matches));

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? 'system';
  localStorage.setItem(KEY, next);
  apply(next);
  theme.set(next);
}

export function applyTheme(): void {
  apply(theme.value);
}

function apply(wanted: Theme): void {
  if (wanted === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
}

function remembered(): Theme {
  const stored = localStorage.getItem(KEY) as Theme | null;
  return stored !== null && ORDER.includes(stored) ? stored : 'system';
}
