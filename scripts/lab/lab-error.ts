/** Something that the person at the keyboard can understand and mend; shown without a stack. */
export class LabError extends Error {
  override readonly name: string = 'LabError';
}

/** A command failed on a host that booted: a mistake in the lab or in what runs there, not something that this machine lacks. */
export class HostError extends LabError {
  override readonly name = 'HostError';
}
