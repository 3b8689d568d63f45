/** What a CONNECT or STOMP frame asks for, and what comes of it (STOMP 1.2, "Connecting"). */
import type { Frame } from './frame.js';
import { HEADER } from './known-headers.js';
import { StompError } from './stomp-error.js';
import { bestVersion, type StompVersion, SUPPORTED_VERSIONS_TEXT, VERSION } from './version.js';

export interface HeartBeats {
  /** The broker sends something at least this often; 0 means no promise. */
  readonly outgoingMs: number;
  /** The client promised to send something at least this often; 0 means no promise. */
  readonly incomingMs: number;
}

export interface Negotiated extends HeartBeats {
  readonly version: StompVersion;
  readonly login: string | undefined;
  readonly passcode: string | undefined;
  readonly clientId: string | undefined;
}

export class NoCommonVersion extends StompError {
  constructor(offered: string) {
    super(
      `No version in common with accept-version "${offered}"`,
      `This broker speaks STOMP ${SUPPORTED_VERSIONS_TEXT}; offer at least one of them.`,
    );
  }
}

/** `offeredMs`: the heart-beat that this side offers in both directions. Throws a StompError. */
export function negotiate(connect: Frame, offeredMs: number): Negotiated {
  const acceptVersion = connect.text(HEADER.acceptVersion);
  const version = bestVersion(acceptVersion);
  if (version === undefined) throw new NoCommonVersion(acceptVersion ?? '');
  const heartBeats =
    version === VERSION.v10
      ? { outgoingMs: 0, incomingMs: 0 }
      : agreeHeartBeats(offeredMs, connect.text(HEADER.heartBeat));
  return {
    version,
    ...heartBeats,
    login: connect.text(HEADER.login),
    passcode: connect.text(HEADER.passcode),
    clientId: connect.text(HEADER.clientId),
  };
}

/**
 * STOMP 1.2, "Heart-beating": each direction beats only when one side can and the other wants it,
 * and then at the longer of the two intervals. `theirs` is the other side's header.
 */
export function agreeHeartBeats(offeredMs: number, theirs: string | undefined): HeartBeats {
  if (theirs === undefined) return { outgoingMs: 0, incomingMs: 0 };
  const match = /^\s*(\d{1,10})\s*,\s*(\d{1,10})\s*$/.exec(theirs);
  if (match === null) {
    throw new StompError(
      `Heart-beat "${theirs}" is not two numbers`,
      'Write heart-beat:CAN,WANT in milliseconds, such as 10000,10000, or 0,0 for none.',
    );
  }
  const theyCanMs = Number(match[1]);
  const theyWantMs = Number(match[2]);
  const beats = (mineMs: number, theirsMs: number) =>
    mineMs === 0 || theirsMs === 0 ? 0 : Math.max(mineMs, theirsMs);
  return {
    outgoingMs: beats(offeredMs, theyWantMs),
    incomingMs: beats(offeredMs, theyCanMs),
  };
}
