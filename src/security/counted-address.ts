/**
 * Under which name wrong passwords of an address are counted: one for all ways to write it, and for IPv6 the
 * network of 64 bits, since a host may take any address of its network (RFC 4291, section 2.5.1).
 */

/** RFC 4291, section 2.5.5.2. */
const MAPPED = '0:0:0:0:0:ffff';
const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** `host`: a plain address, of IPv6 with or without brackets. What is none is its own name. */
export function countedAddress(host: string): string {
  const plain = host.replaceAll(/[[\]]|%.*/g, '');
  if (!plain.includes(':')) return plain;
  // The parser of URLs knows every spelling (RFC 5952, section 2.1), and writes it in one way.
  const url = `http://[${plain}]`;
  if (!URL.canParse(url)) return plain;
  const groups = allGroups(new URL(url).hostname.slice(1, -1));
  if (groups.slice(0, -2).join(':') === MAPPED) return groups.slice(-2).map(asDecimals).join('.');
  return `${groups.slice(0, GROUPS_OF_NETWORK).join(':')}::/64`;
}

/** With the zeros that `::` stands for. */
function allGroups(address: string): readonly string[] {
  const [before = [], after = []] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')));
  const missing = GROUPS - before.length - after.length;
  return [...before, ...Array<string>(missing).fill('0'), ...after];
}

/** Two parts of an address of IPv4. */
function asDecimals(group: string): string {
  const value = Number.parseInt(group, 16);
  return `${value >> 8}.${value & 0xff}`;
}
