import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ALL_COMMANDS,
  commandName,
  mayHaveBody,
} from '../../../../src/protocols/stomp/commands.js';
import { FrameDecoder } from '../../../../src/protocols/stomp/frame-decoder.js';
import { encodeFrame } from '../../../../src/protocols/stomp/frame-encoder.js';
import { StompError } from '../../../../src/protocols/stomp/stomp-error.js';
import { VERSION } from '../../../../src/protocols/stomp/version.js';
import { bytesOf, decodeAll, LIMITS } from './decode-all.js';

const headerText = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => text.replaceAll('\0', ''));
const header = fc.tuple(
  headerText.filter((name) => name !== '' && name !== 'content-length'),
  headerText,
);

function cutInto(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });

describe('FrameDecoder under any input', () => {
  it('gives back what was encoded, whatever the split', () => {
    const escapable = ALL_COMMANDS.filter(
      (command) => !['CONNECT', 'STOMP', 'CONNECTED'].includes(commandName(command)),
    );
    const property = fc.property(
      fc.constantFrom(...escapable),
      fc.array(header, { maxLength: 6 }),
      fc.uint8Array({ maxLength: 3000 }),
      sizes,
      (command, headers, anyBody, cuts) => {
        const body = mayHaveBody(command) ? anyBody : new Uint8Array(0);
        const bytes = encodeFrame({ command, headers, body }, VERSION.v12);
        const decoded: unknown[] = [];
        const decoder = new FrameDecoder(LIMITS, (frame) => {
          const names = Array.from({ length: frame.headerCount }, (_, index) => [
            frame.nameText(index),
            frame.valueText(index),
          ]);
          decoded.push(
            names.filter(([name]) => name !== 'content-length'),
            frame.body().slice(),
          );
        });
        decoder.version = VERSION.v12;
        for (const chunk of cutInto(bytes, cuts)) decoder.push(chunk);
        assert.deepEqual(decoded, [headers.map((pair) => [...pair]), body]);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('never throws anything but StompError and never buffers beyond the limits', () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        'SEND\n',
        'CONNECT\r\n',
        'a:b\n',
        '\n',
        '\0',
        'content-length:10\n',
        '\\',
        '\r',
        ':',
      ),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    const stream = fc.oneof(
      fc.array(fragment, { maxLength: 40 }).map((parts) => bytesOf(parts.join(''))),
      fc.uint8Array({ maxLength: 9000 }),
    );
    const mostBytes = 2 * (LIMITS.maxHeaderBytes + LIMITS.maxBodyBytes + 512);
    const version = fc.constantFrom(null, VERSION.v10, VERSION.v11, VERSION.v12);
    const property = fc.property(stream, sizes, version, (bytes, cuts, agreed) => {
      const decoder = new FrameDecoder(LIMITS, () => undefined);
      decoder.version = agreed;
      try {
        for (const chunk of cutInto(bytes, cuts)) {
          decoder.push(chunk);
          assert.ok(decoder.bufferedBytes <= mostBytes, `${decoder.bufferedBytes} bytes held`);
        }
      } catch (error) {
        assert.ok(error instanceof StompError, String(error));
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('finds the same frames and the same fault for any two splits', () => {
    const fragment = fc.constantFrom(
      'SEND\n',
      'ACK\r\n',
      'id:1\n',
      'content-length:3\n',
      'a:b\\c\r\n',
      '\n',
      '\r\n',
      'abc',
      '\0',
      'x\0',
    );
    const stream = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(''));
    const property = fc.property(stream, sizes, sizes, (text, one, other) => {
      const first = decodeAll(cutInto(bytesOf(text), one), VERSION.v12);
      assert.deepEqual(decodeAll(cutInto(bytesOf(text), other), VERSION.v12), first);
    });
    fc.assert(property, { numRuns: 1000 });
  });
});
