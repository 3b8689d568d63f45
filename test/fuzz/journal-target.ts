/** Journals with any few damages, with a call that fails, and with damage that comes late. */
import fc from 'fast-check';
import { anyDamage, type Damage, damaged, damageOfBytes } from './journal-damage.js';
import {
  checkFailingCall,
  checkJournal,
  checkLateDamage,
  LOOKS,
  type Look,
} from './journal-promises.js';
import type { InjectedFault } from './journal-reading.js';
import { type JournalSample, makeSamples } from './journal-sample.js';
import { defineTarget } from './target.js';

const samples = await makeSamples();

interface DamagedJournal {
  readonly sample: number;
  readonly damages: readonly Damage[];
}

interface LookedAtJournal extends DamagedJournal {
  readonly look: Look;
}

interface FailingJournal extends DamagedJournal {
  readonly fault: InjectedFault;
}

const sample = fc.nat(samples.length - 1);
const someDamage = fc.array(anyDamage, { minLength: 1, maxLength: 4 });

function sampleOf({ sample: index }: DamagedJournal): JournalSample {
  return samples[index % samples.length] as JournalSample;
}

export const journalDamage = defineTarget<LookedAtJournal>({
  name: 'journal-damage',
  promise: 'a damaged journal is read up to its damage, or refused, and never read wrong',
  inputsInTests: 150,
  inputs: fc.record({ sample, damages: someDamage, look: fc.constantFrom(...LOOKS) }),
  check: async (input) => {
    const one = sampleOf(input);
    await checkJournal(one, damaged(one.files, input.damages), input.look);
  },
});

export const journalFailingCall = defineTarget<FailingJournal>({
  name: 'journal-failing-call',
  promise: 'a failed system call is never taken for the end of the journal',
  inputsInTests: 300,
  inputs: fc.record({
    sample,
    damages: fc.oneof(fc.constant([]), someDamage),
    fault: fc.record({
      atCall: fc.integer({ min: 1, max: 120 }),
      errno: fc.constantFrom('EIO', 'EACCES', 'ESTALE', 'ENOENT', 'ETIMEDOUT'),
    }),
  }),
  check: (input) => {
    const one = sampleOf(input);
    return checkFailingCall(one, damaged(one.files, input.damages), input.fault);
  },
});

export const journalLateDamage = defineTarget<DamagedJournal>({
  name: 'journal-late-damage',
  promise: 'bytes that change between reading and sealing are refused, and the original stays',
  inputsInTests: 200,
  inputs: fc.record({ sample, damages: fc.array(damageOfBytes, { minLength: 1, maxLength: 3 }) }),
  check: (input) => checkLateDamage(sampleOf(input), input.damages),
});
