/** All targets, in the order in which `npm run fuzz` takes turns. */
import { amqpSession } from './amqp-session-target.js';
import { configuration } from './configuration-target.js';
import { arbitraryDocuments, damagedDocuments } from './document-target.js';
import { journalDamage, journalFailingCall, journalLateDamage } from './journal-target.js';
import { login, usersFile } from './login-target.js';
import { recordsInBlocks, recordsInCheckpoints } from './records-target.js';
import { selector, selectorTexts } from './selector-target.js';
import { stompClient } from './stomp-client-target.js';
import { stompBytes, stompFrames, storedHeaders } from './stomp-codec-target.js';
import { stompSession } from './stomp-session-target.js';
import type { FuzzTarget } from './target.js';

export const TARGETS: readonly FuzzTarget[] = [
  journalDamage,
  journalFailingCall,
  journalLateDamage,
  recordsInBlocks,
  recordsInCheckpoints,
  damagedDocuments,
  arbitraryDocuments,
  stompFrames,
  stompBytes,
  storedHeaders,
  stompSession,
  stompClient,
  amqpSession,
  login,
  usersFile,
  selector,
  selectorTexts,
  configuration,
];

export function targetNamed(name: string): FuzzTarget {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`There is no target ${name}; see --list.`);
  return target;
}
