/** Which part of a store a path is, in the words that fault plans use. */

export const PATH_CLASSES = [
  'lock',
  'live',
  'store',
  'epoch',
  'epochs-directory',
  'segment',
  'checkpoint',
  'journal-directory',
  'node',
  'request',
  'witness',
  'other',
] as const;
export type PathClass = (typeof PATH_CLASSES)[number];

const ENDINGS: readonly (readonly [string, PathClass])[] = [
  ['.segment', 'segment'],
  ['.checkpoint', 'checkpoint'],
  ['/journal', 'journal-directory'],
  ['/live', 'live'],
  ['/lock', 'lock'],
  ['/store.json', 'store'],
  ['/epochs', 'epochs-directory'],
  ['/witness.lock', 'witness'],
];
const FOLDERS: readonly (readonly [string, PathClass])[] = [
  ['/epochs/', 'epoch'],
  ['/nodes/', 'node'],
  ['/requests/', 'request'],
];

export function pathClassOf(path: string): PathClass {
  for (const [folder, pathClass] of FOLDERS) if (path.includes(folder)) return pathClass;
  for (const [ending, pathClass] of ENDINGS) if (path.endsWith(ending)) return pathClass;
  return 'other';
}
