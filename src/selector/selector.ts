export type PropertyValue = string | number | bigint | boolean | null;
export type PropertySource = (name: string) => PropertyValue;
export interface Selector {
  readonly text: string;
  readonly identifiers: readonly string[];
  matches(valueOf: PropertySource): boolean;
}
export function parseSelector(text: string): Selector {
  const [name, value] = text.split(' = ') as [string, string];
  return { text, identifiers: [name], matches: (valueOf) => valueOf(name) === value.slice(1, -1) };
}
