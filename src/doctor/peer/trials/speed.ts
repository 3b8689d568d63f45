/** How fast each host makes writes durable, one after the other so that neither slows the other. */
import { measureSpeed, type Speed, speedResult } from '../../speed.js';
import type { TrialResult } from '../../trial-result.js';
import { inTurns, type Ring } from '../ring.js';

export async function trySpeed(ring: Ring): Promise<TrialResult[]> {
  const measured = await inTurns(ring, async (isWriter, writer) => {
    const mine = isWriter ? await measureInOwnDirectory(ring) : null;
    const { value: theirs } = await ring.talk.exchange<Speed | null>(`${writer}-measured`, mine);
    return mine ?? theirs;
  });
  const { names } = ring;
  return [
    speedResult(
      (['first', 'second'] as const).flatMap((role) => {
        const speed = measured[role];
        return speed === null ? [] : [{ host: names[role], speed }];
      }),
    ),
  ];
}

async function measureInOwnDirectory(ring: Ring): Promise<Speed> {
  const hand = await ring.startHand();
  const directory = `${ring.directory}/${ring.role}`;
  await hand.fileSystem.makeDirectory(directory);
  return measureSpeed({ fileSystem: hand.fileSystem, directory }, hand);
}
