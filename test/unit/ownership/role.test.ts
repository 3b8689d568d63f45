import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextRole, ROLE_EVENTS, ROLES, type Role } from '../../../src/ownership/role.js';

/** One letter per event in the order of ROLE_EVENTS: the role that follows, or `.` for impossible. */
const LETTERS: { readonly [letter: string]: Role | null } = {
  J: 'joining',
  B: 'backup',
  T: 'taking-over',
  L: 'live',
  H: 'handing-over',
  F: 'fenced',
  S: 'stopped',
  '.': null,
};

describe('the role table', () => {
  it('says on purpose what every event means in every role', () => {
    const expected: { readonly [role in Role]: string } = {
      //               store-ready
      //               | lock-acquired
      //               | | takeover-declined
      //               | | | takeover-complete
      //               | | | | handover-started
      //               | | | | | handover-complete
      //               | | | | | | ownership-lost
      //               | | | | | | | storage-failed
      //               | | | | | | | | stop-requested
      joining: /*     */ 'B . . . . . . S S',
      backup: /*      */ '. T . . . . . S S',
      'taking-over': /**/ '. . B L . . F F S',
      live: /*        */ '. . . . H . F F S',
      'handing-over': /**/ '. . . . . B F F H',
      fenced: /*      */ '. . . . . . F F F',
      stopped: /*     */ '. . . . . . S S S',
    };
    for (const role of ROLES) {
      const found = ROLE_EVENTS.map((event) => nextRole(role, event));
      const wanted = expected[role].split(' ').map((letter) => LETTERS[letter]);
      assert.deepEqual(found, wanted, role);
    }
  });

  it('lets a node become live only by way of taking over', () => {
    const before = ROLES.filter((role) =>
      ROLE_EVENTS.some((event) => nextRole(role, event) === 'live'),
    );
    assert.deepEqual(before, ['taking-over']);
  });

  it('lets nothing lead out of fenced: only a new process begins again', () => {
    const after = new Set(ROLE_EVENTS.map((event) => nextRole('fenced', event)));
    assert.deepEqual(after, new Set([null, 'fenced']));
  });

  it('ends every role at once or as fenced when the store fails', () => {
    for (const role of ROLES) {
      assert.ok(['fenced', 'stopped'].includes(nextRole(role, 'storage-failed') ?? ''), role);
    }
  });
});
