/** Who looks at the console, and what may be offered to them. The node decides about each call itself. */

import { EVERY_ADDRESS, isAllowed, isAllowedSomewhere, type Right } from '../security/rights.js';
import type { SessionAnswer } from './answers.js';
import { call, Problem, whenLoggedOut } from './api.js';
import { Observable } from './observable.js';

const ASK_EACH_MS = 60_000;
let askedAtMs = 0;

/** Null until the node has told. */
export const session = new Observable<SessionAnswer | null>(null);

/** While somebody's session is over that nobody has ended here: the page stays as it is until a login. */
export const hasEnded = new Observable(false);

const NOBODY: SessionAnswer = { usersRequired: true, user: null, rules: [] };

/** @throws Problem when the node does not answer. */
export async function askWhoIsHere(): Promise<void> {
  const answer = await call<SessionAnswer>('GET', '/session', { limitMs: 5_000 });
  askedAtMs = performance.now();
  if (answer.usersRequired && answer.user === null) return setNobody();
  if (hasEnded.value || JSON.stringify(answer) !== JSON.stringify(session.value)) begin(answer);
}

/** Asking keeps the session of an open page, and tells of other rights. */
export function shouldAskAgain(): boolean {
  return session.value === null || performance.now() - askedAtMs > ASK_EACH_MS;
}

/** Null when it is done; else why not. */
export async function logIn(user: string, password: string): Promise<string | null> {
  try {
    begin(await call<SessionAnswer>('POST', '/session', { body: { user, password } }));
    return null;
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
}

export async function logOut(): Promise<void> {
  await call('DELETE', '/session');
  begin(NOBODY);
}

function begin(answer: SessionAnswer): void {
  hasEnded.set(false);
  session.set(answer);
}

/** The node knows nobody: who was logged in is asked to log in again, and finds the page as it was. */
function setNobody(): void {
  if (session.value === null) session.set(NOBODY);
  else if (session.value.user !== null) hasEnded.set(true);
  else if (!session.value.usersRequired) session.set(NOBODY);
}

whenLoggedOut(setNobody);

export function isLoggedIn(): boolean {
  const known = session.value;
  return known !== null && !hasEnded.value && (!known.usersRequired || known.user !== null);
}

export function may(right: Right, address: string = EVERY_ADDRESS): boolean {
  const rules = session.value?.rules;
  return rules === null || (rules !== undefined && isAllowed(rules, right, address));
}

export function maySomewhere(right: Right): boolean {
  const rules = session.value?.rules;
  return rules === null || (rules !== undefined && isAllowedSomewhere(rules, right));
}
