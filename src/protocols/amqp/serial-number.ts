/** Serial numbers of 32 bits, which go around (RFC 1982; OASIS AMQP 1.0, part 2, 2.8.10). */

/** How far `one` is ahead of `other`, from -2^31 to 2^31 - 1. */
export function difference(one: number, other: number): number {
  return (one - other) | 0;
}

export function next(number: number): number {
  return (number + 1) >>> 0;
}
