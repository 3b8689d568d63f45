/** One deliberate bug: what the source must hold for it, and what it is replaced by. */

interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  /** Must be there exactly once, with its line feeds and indentation. */
  readonly find: string;
  readonly replace: string;
}

export interface Canary {
  readonly name: string;
  /** What the bug is, as one would say it of a product. */
  readonly sentence: string;
  readonly patches: readonly Patch[];
}

/** @throws when a patch does not apply exactly once: the list is older than the sources. */
export function applyPatches(
  canary: Canary,
  sourceOf: (file: string) => string,
): ReadonlyMap<string, string> {
  const patched = new Map<string, string>();
  for (const { file, find, replace } of canary.patches) {
    const source = patched.get(file) ?? sourceOf(file);
    const parts = source.split(find);
    if (parts.length !== 2) {
      throw new Error(
        `canary ${canary.name}: ${file} holds ${parts.length - 1} times, instead of once:\n${find}\n` +
          'The source has changed: write the patch anew.',
      );
    }
    patched.set(file, parts.join(replace));
  }
  return patched;
}
