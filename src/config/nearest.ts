/** Suggests what a mistyped name was meant to be. */

import { distance } from 'fastest-levenshtein';

/** `; did you mean stomp.listen?`, or nothing when no candidate is near enough to be a slip. */
export function suggestNearest(given: string, candidates: readonly string[]): string {
  let nearest: string | undefined;
  let nearestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of candidates) {
    const candidateDistance = distance(given.toLowerCase(), candidate.toLowerCase());
    if (candidateDistance < nearestDistance) {
      nearest = candidate;
      nearestDistance = candidateDistance;
    }
  }
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}
