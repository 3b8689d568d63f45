/** Destinations as STOMP clients of ActiveMQ write them: `/queue/NAME` and `/topic/NAME`. */
import type { Destination } from '../../broker/api.js';
import { faultOfName, MAX_NAME_BYTES, NAME_RULE } from '../shared/destination-name.js';
import { LastRange } from './bytes.js';
import { commandName } from './commands.js';
import type { Frame } from './frame.js';
import { HEADER } from './known-headers.js';
import { StompError } from './stomp-error.js';

const FORMS = 'Destinations are /queue/NAME and /topic/NAME.';

function parseDestination(text: string, isSubscribed: boolean): Destination {
  const match = /^\/(queue|topic)\/(.+)$/s.exec(text);
  const name = match?.[2];
  if (match === null || name === undefined) {
    throw new StompError(`Destination "${text}" has no known form`, FORMS);
  }
  const kind = match[1] === 'queue' ? 'queue' : 'topic';
  const fault = faultOfName(name, isSubscribed && kind === 'topic');
  if (fault === 'reserved') {
    throw new StompError(
      `Destination "${text}" has a name that is not allowed`,
      `${FORMS} ${NAME_RULE}`,
    );
  }
  if (fault === 'too-long') {
    throw new StompError(
      `Destination name over the limit of ${MAX_NAME_BYTES} bytes`,
      FORMS,
      'LIMIT_EXCEEDED',
    );
  }
  return { kind, name };
}

export function destinationText(destination: Destination): string {
  return `/${destination.kind}/${destination.name}`;
}

/** The destination of each frame of one session, parsed anew only when it differs from the last. */
export class DestinationReader {
  private readonly last = new LastRange<Destination>();

  /** What a subscription is to: topics may be meant by wildcards. */
  readSubscribed(frame: Frame): Destination {
    const index = this.indexIn(frame);
    return parseDestination(frame.valueText(index), true);
  }

  read(frame: Frame): Destination {
    const index = this.indexIn(frame);
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const known = this.last.get(frame.bytes, start, end);
    if (known !== undefined) return known;
    const destination = parseDestination(frame.valueText(index), false);
    return this.last.remember(frame.bytes, start, end, destination);
  }

  private indexIn(frame: Frame): number {
    const index = frame.indexOf(HEADER.destination);
    if (index !== -1) return index;
    throw new StompError(
      `${commandName(frame.command)} has no destination header`,
      `Add one. ${FORMS}`,
    );
  }
}
