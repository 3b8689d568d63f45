/** Something that the person at the keyboard can understand and mend; shown without a stack. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
