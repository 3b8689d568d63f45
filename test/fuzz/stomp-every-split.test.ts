/** The STOMP codec: a short frame of every command, in every version, cut in two and in three at every place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_COMMANDS, mayHaveBody } from '../../src/protocols/stomp/commands.js';
import { asText, cutInto, decode, encodeAll, type PlainFrame, VERSIONS } from './stomp-frames.js';

const LIMITS = { maxHeaderBytes: 200, maxHeaders: 8, maxBodyBytes: 50 };
/** What is escaped where a version escapes, a byte that ends frames, and text of two bytes a letter. */
const HEADERS = [['k\\', 'ä']] as const;
const BODY = new TextEncoder().encode('b\0\nü');

for (const version of VERSIONS) {
  test(`every frame decodes alike however it is split (version ${version ?? 'not agreed on yet'})`, () => {
    for (const command of ALL_COMMANDS) {
      const body = mayHaveBody(command) ? BODY : new Uint8Array(0);
      const plain: PlainFrame = { command, headers: HEADERS, body };
      const bytes = encodeAll([plain], version);
      const whole = decode([bytes.slice()], version, LIMITS);
      assert.equal(whole.fault, null);
      assert.equal(whole.frames.length, 1);
      for (let first = 1; first <= bytes.length; first += 1) {
        for (let second = 0; second < bytes.length - first; second += 1) {
          const sizes = second === 0 ? [first, bytes.length] : [first, second, bytes.length];
          const decoded = decode(cutInto(bytes, sizes), version, LIMITS);
          assert.equal(asText(decoded), asText(whole), `command ${command} cut into ${sizes}`);
        }
      }
    }
  });
}
