export const ROLES = [
  'joining',
  'backup',
  'taking-over',
  'live',
  'handing-over',
  'fenced',
  'stopped',
] as const;
export type Role = (typeof ROLES)[number];
