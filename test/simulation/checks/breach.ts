/** What a check says when a promise is broken; the first word of it ends the seed. */

/** The promises by number, and what follows from them for a journal that is replayed. */
type Invariant = 'P1' | 'P2' | 'P3' | 'P4' | 'P5' | 'P6' | 'P7' | 'replay-equality';

export type OnBreach = (invariant: Invariant, sentence: string) => void;
