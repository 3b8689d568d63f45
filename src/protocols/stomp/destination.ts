/** Destinations as STOMP clients of ActiveMQ write them: `/queue/NAME` and `/topic/NAME`. */
import type { Destination } from '../../broker/api.js';
import { LastRange, utf8 } from './bytes.js';
import { commandName } from './commands.js';
import type { Frame } from './frame.js';
import { HEADER } from './known-headers.js';
import { StompError } from './stomp-error.js';

const MAX_NAME_BYTES = 1000;
const FORMS = 'Destinations are /queue/NAME and /topic/NAME.';
/** What ActiveMQ reads as wildcards, composites or options; kept free rather than misunderstood. */
const RESERVED = /[\p{Cc},?]|(?:^|\.)[*>](?:\.|$)/u;

function parseDestination(text: string): Destination {
  const match = /^\/(queue|topic)\/(.+)$/s.exec(text);
  const name = match?.[2];
  if (match === null || name === undefined) {
    throw new StompError(`Destination "${text}" has no known form`, FORMS);
  }
  if (RESERVED.test(name)) {
    throw new StompError(
      `Destination "${text}" has a name that is not allowed`,
      `${FORMS} A name has no wildcards (* or > as a part of their own), commas, question marks or control characters.`,
    );
  }
  if (utf8(name).length > MAX_NAME_BYTES) {
    throw new StompError(
      `Destination name over the limit of ${MAX_NAME_BYTES} bytes`,
      FORMS,
      'LIMIT_EXCEEDED',
    );
  }
  return { kind: match[1] === 'queue' ? 'queue' : 'topic', name };
}

export function destinationText(destination: Destination): string {
  return `/${destination.kind}/${destination.name}`;
}

/** The destination of each frame of one session, parsed anew only when it differs from the last. */
export class DestinationReader {
  private readonly last = new LastRange<Destination>();

  read(frame: Frame): Destination {
    const index = frame.indexOf(HEADER.destination);
    if (index === -1) {
      throw new StompError(
        `${commandName(frame.command)} has no destination header`,
        `Add one. ${FORMS}`,
      );
    }
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const known = this.last.get(frame.bytes, start, end);
    if (known !== undefined) return known;
    const destination = parseDestination(frame.valueText(index));
    return this.last.remember(frame.bytes, start, end, destination);
  }
}
