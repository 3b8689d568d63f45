/** Figures and times as people read them. */

const NUMBER = new Intl.NumberFormat('en-US');
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const DAY_MS = 86_400_000;

export function count(value: number): string {
  return NUMBER.format(value);
}

/** Of what a backup does not know, a dash. */
export function knownCount(value: number | null): string {
  return value === null ? '–' : count(value);
}

/** `1 message`, `2 messages`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = '';
  for (const next of units) {
    if (scaled < 1_024) break;
    scaled /= 1_024;
    unit = next;
  }
  return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit}`;
}

/** Today, the time alone. */
export function moment(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return isToday ? TIME.format(ms) : MOMENT.format(ms);
}

/** Of no time zone but the one that logs have. */
export function momentInUtc(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

/** For machines, as in `datetime`. */
export function fullMoment(ms: number): string {
  return new Date(ms).toISOString();
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (ms < DAY_MS) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(ms / DAY_MS)} d ${hours % 24} h`;
}
