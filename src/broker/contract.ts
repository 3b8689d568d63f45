/** What cannot happen unless a caller breaks the contract; it stays on in production. */
export function assertThat(condition: boolean, contract: string): asserts condition {
  if (!condition) throw new Error(`The broker's contract is broken: ${contract}.`);
}
