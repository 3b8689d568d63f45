import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameDecoder } from '../../../../src/protocols/stomp/frame-decoder.js';
import { type StompVersion, VERSION } from '../../../../src/protocols/stomp/version.js';
import { bytesOf, decodeAll, LIMITS, type PlainFrame } from './decode-all.js';

interface Case {
  readonly promise: string;
  readonly version: StompVersion | null;
  readonly input: string;
  readonly frames: readonly (PlainFrame | string)[];
}

function frame(command: string, headers: [string, string][] = [], body = ''): PlainFrame {
  return { command, headers, body };
}

const { v10, v11, v12 } = VERSION;

const CASES: readonly Case[] = [
  {
    promise: 'a frame has a command, headers and a body up to NUL',
    version: v12,
    input: 'SEND\ndestination:/queue/a\n\nhello\0',
    frames: [frame('SEND', [['destination', '/queue/a']], 'hello')],
  },
  {
    promise: 'a frame needs neither headers nor a body',
    version: v12,
    input: 'DISCONNECT\n\n\0',
    frames: [frame('DISCONNECT')],
  },
  ...[
    'CONNECT',
    'STOMP',
    'SEND',
    'SUBSCRIBE',
    'UNSUBSCRIBE',
    'ACK',
    'NACK',
    'BEGIN',
    'COMMIT',
    'ABORT',
    'DISCONNECT',
    'CONNECTED',
    'MESSAGE',
    'RECEIPT',
    'ERROR',
  ].map((command) => ({
    promise: `${command} is known`,
    version: v12,
    input: `${command}\na:b\n\n\0`,
    frames: [frame(command, [['a', 'b']])],
  })),
  {
    promise: 'content-length lets a body contain NUL',
    version: v12,
    input: 'SEND\ncontent-length:5\n\na\0b\0c\0',
    frames: [frame('SEND', [['content-length', '5']], 'a\0b\0c')],
  },
  {
    promise: 'the first of repeated headers counts: here for content-length',
    version: v12,
    input: 'SEND\ncontent-length:2\ncontent-length:9\n\nab\0',
    frames: [
      frame(
        'SEND',
        [
          ['content-length', '2'],
          ['content-length', '9'],
        ],
        'ab',
      ),
    ],
  },
  {
    promise: 'line ends between frames are heart-beats and nothing else',
    version: v12,
    input: '\n\r\n\nBEGIN\n\n\0\n\r\n\nCOMMIT\n\n\0\n',
    frames: [frame('BEGIN'), frame('COMMIT')],
  },
  {
    promise: 'CR LF ends lines in 1.2',
    version: v12,
    input: 'SEND\r\na:b\r\n\r\nx\r\n\0',
    frames: [frame('SEND', [['a', 'b']], 'x\r\n')],
  },
  {
    promise: 'CR LF ends lines before the version is agreed',
    version: null,
    input: 'CONNECT\r\naccept-version:1.1,1.2\r\n\r\n\0\r\n',
    frames: [frame('CONNECT', [['accept-version', '1.1,1.2']])],
  },
  {
    promise: 'in 1.1 a carriage return belongs to the value',
    version: v11,
    input: 'SEND\na:b\r\n\n\0',
    frames: [frame('SEND', [['a', 'b\r']])],
  },
  {
    promise: 'in 1.1 CR LF does not end the headers',
    version: v11,
    input: 'SEND\na:b\n\r\n\0',
    frames: ['SEND has a header line without a name and a colon'],
  },
  {
    promise: 'in 1.1 a command does not end in CR LF',
    version: v11,
    input: 'SEND\r\na:b\n\n\0',
    frames: ['Unknown command "SEND."'],
  },
  {
    promise: 'a carriage return inside a line is refused in 1.2',
    version: v12,
    input: 'SEND\na:b\rc\n\n\0',
    frames: ['Carriage return inside a header line of SEND'],
  },
  {
    promise: 'two carriage returns do not end a line in 1.2',
    version: v12,
    input: 'SEND\na:b\r\r\n\n\0',
    frames: ['Carriage return inside a header line of SEND'],
  },
  {
    promise: '1.2 resolves \\n \\r \\c and \\\\ in names and values',
    version: v12,
    input: 'SEND\nn\\cm:1\\n2\\r3\\c4\\\\5\\\\n\n\n\0',
    frames: [frame('SEND', [['n:m', '1\n2\r3:4\\5\\n']])],
  },
  {
    promise: '1.1 resolves \\n \\c and \\\\',
    version: v11,
    input: 'SEND\na:1\\n2\\c3\\\\4\n\n\0',
    frames: [frame('SEND', [['a', '1\n2:3\\4']])],
  },
  {
    promise: '1.1 does not know \\r',
    version: v11,
    input: 'SEND\na:1\\r2\n\n\0',
    frames: ['Undefined escape in a header'],
  },
  {
    promise: 'an undefined escape is fatal in 1.2',
    version: v12,
    input: 'SEND\na:1\\t2\n\n\0',
    frames: ['Undefined escape in a header'],
  },
  {
    promise: 'a backslash at the end of a line is an undefined escape',
    version: v12,
    input: 'SEND\na:1\\\n\n\0',
    frames: ['Undefined escape in a header'],
  },
  {
    promise: '1.0 knows no escapes',
    version: v10,
    input: 'SEND\na:1\\n2\\t\n\n\0',
    frames: [frame('SEND', [['a', '1\\n2\\t']])],
  },
  {
    promise: '1.0 drops the spaces around a value',
    version: v10,
    input: 'SEND\na:  b c \n\n\0',
    frames: [frame('SEND', [['a', 'b c']])],
  },
  {
    promise: 'from 1.1 on spaces belong to the value',
    version: v11,
    input: 'SEND\na:  b \n\n\0',
    frames: [frame('SEND', [['a', '  b ']])],
  },
  {
    promise: 'CONNECT is never unescaped',
    version: null,
    input: 'CONNECT\npasscode:a\\tb\\n\n\n\0',
    frames: [frame('CONNECT', [['passcode', 'a\\tb\\n']])],
  },
  {
    promise: 'CONNECTED is never unescaped',
    version: v12,
    input: 'CONNECTED\nsession:a\\tb\n\n\0',
    frames: [frame('CONNECTED', [['session', 'a\\tb']])],
  },
  {
    promise: 'a value may be empty and may contain colons',
    version: v12,
    input: 'SEND\nempty:\nurl:http://h:1\n\n\0',
    frames: [
      frame('SEND', [
        ['empty', ''],
        ['url', 'http://h:1'],
      ]),
    ],
  },
  {
    promise: 'headers may be any UTF-8',
    version: v12,
    input: 'SEND\nключ:värde 🙂\n\n\0',
    frames: [frame('SEND', [['ключ', 'värde 🙂']])],
  },
  {
    promise: 'a header line needs a colon',
    version: v12,
    input: 'SEND\nnothing\n\n\0',
    frames: ['SEND has a header line without a name and a colon'],
  },
  {
    promise: 'a header line needs a name',
    version: v12,
    input: 'SEND\n:b\n\n\0',
    frames: ['SEND has a header line without a name and a colon'],
  },
  {
    promise: 'NUL among the headers is refused',
    version: v12,
    input: 'SEND\na:b\0',
    frames: ['NUL among the headers of SEND'],
  },
  {
    promise: 'NUL in a command is refused',
    version: v12,
    input: 'SE\0ND\n\n\0',
    frames: ['Unknown command "SE.ND"'],
  },
  {
    promise: 'commands are in capitals',
    version: v12,
    input: 'send\n\n\0',
    frames: ['Unknown command "send"'],
  },
  {
    promise: 'another protocol is refused at its first line',
    version: null,
    input: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    frames: ['Unknown command "GET / HTTP/1.1"'],
  },
  {
    promise: 'a line that is no command is refused long before it ends',
    version: null,
    input: 'X'.repeat(40),
    frames: [`Unknown command "${'X'.repeat(32)}"`],
  },
  {
    promise: 'only SEND, MESSAGE and ERROR may have a body',
    version: v12,
    input: 'BEGIN\ntransaction:t\n\nbody\0',
    frames: ['BEGIN has a body'],
  },
  {
    promise: 'a body by content-length is refused likewise',
    version: v12,
    input: 'ACK\ncontent-length:4\n\nbody\0',
    frames: ['ACK has a body'],
  },
  {
    promise: 'content-length must be a number',
    version: v12,
    input: 'SEND\ncontent-length:-1\n\n\0',
    frames: ['SEND has a content-length that is no number'],
  },
  {
    promise: 'NUL must come where content-length says',
    version: v12,
    input: 'SEND\ncontent-length:2\n\nabc\0',
    frames: ['SEND is longer than its content-length'],
  },
  {
    promise: 'an unfinished frame is waited for',
    version: v12,
    input: 'BEGIN\n\n\0SEND\na:b\n\nbod',
    frames: [frame('BEGIN'), 'unfinished'],
  },
];

const LIMIT_CASES: readonly Case[] = [
  {
    promise: 'header bytes have a limit, in one line or in many',
    version: v12,
    input: `SEND\na:${'x'.repeat(1023)}\n\n\0`,
    frames: ['Header bytes of SEND over the limit of 1024'],
  },
  {
    promise: 'header bytes have a limit although the line never ends',
    version: v12,
    input: `SEND\n${'x'.repeat(1025)}`,
    frames: ['Header bytes of SEND over the limit of 1024'],
  },
  ...['\n', '\r\n'].map((lineEnd) => {
    const value = 'x'.repeat(LIMITS.maxHeaderBytes - 'a:'.length - (lineEnd.length - 1));
    return {
      promise: `as many header bytes as the limit are taken, ended by ${JSON.stringify(lineEnd)}`,
      version: v12,
      input: `ACK${lineEnd}a:${value}${lineEnd}${lineEnd}\0`,
      frames: [frame('ACK', [['a', value]])],
    };
  }),
  {
    promise: 'header bytes over the limit are told before what is wrong behind them',
    version: v12,
    input: `SEND\na:${'x'.repeat(1023)}\0`,
    frames: ['Header bytes of SEND over the limit of 1024'],
  },
  {
    promise: 'header lines have a limit',
    version: v12,
    input: `SEND\n${'a:b\n'.repeat(9)}\n\0`,
    frames: ['Header lines of SEND over the limit of 8'],
  },
  {
    promise: 'as many header lines as the limit are taken',
    version: v12,
    input: `ACK\n${'a:b\n'.repeat(8)}\n\0`,
    frames: [
      frame(
        'ACK',
        Array.from({ length: 8 }, () => ['a', 'b']),
      ),
    ],
  },
  {
    promise: 'a body by content-length has a limit, known before it comes',
    version: v12,
    input: 'SEND\ncontent-length:4097\n\n',
    frames: ['Body bytes of SEND over the limit of 4096'],
  },
  {
    promise: 'a body up to NUL has a limit, known before its end comes',
    version: v12,
    input: `SEND\n\n${'x'.repeat(4097)}`,
    frames: ['Body bytes of SEND over the limit of 4096'],
  },
  {
    promise: 'a body as long as the limit is taken',
    version: v12,
    input: `SEND\n\n${'x'.repeat(4096)}\0`,
    frames: [frame('SEND', [], 'x'.repeat(4096))],
  },
];

describe('FrameDecoder', () => {
  for (const { promise, version, input, frames } of [...CASES, ...LIMIT_CASES]) {
    it(promise, () => {
      assert.deepEqual(decodeAll([bytesOf(input)], version), frames);
    });
  }

  it('decodes alike wherever the stream is cut in two', () => {
    for (const { promise, version, input, frames } of [...CASES, ...LIMIT_CASES]) {
      const length = bytesOf(input).length;
      for (let cut = 0; cut <= length; cut++) {
        const bytes = bytesOf(input);
        const chunks = [bytes.slice(0, cut), bytes.slice(cut)];
        assert.deepEqual(decodeAll(chunks, version), frames, `${promise}, cut at ${cut}`);
      }
    }
  });

  it('decodes alike when the bytes come one by one', () => {
    for (const { promise, version, input, frames } of [...CASES, ...LIMIT_CASES]) {
      const chunks = Array.from(bytesOf(input), (byte) => Uint8Array.of(byte));
      assert.deepEqual(decodeAll(chunks, version), frames, promise);
    }
  });

  it('decodes a stream of all good frames alike in chunks of any size', () => {
    const good = CASES.filter(
      ({ version, frames }) => version === v12 && frames.every((one) => typeof one !== 'string'),
    );
    const stream = good.map(({ input }) => input).join('');
    const expected = good.flatMap(({ frames }) => frames);
    for (let size = 1; size < 200; size++) {
      const bytes = bytesOf(stream);
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
      assert.deepEqual(decodeAll(chunks, v12), expected, `chunks of ${size}`);
    }
  });

  it('refuses headers that are not UTF-8', () => {
    const bytes = Uint8Array.from([...bytesOf('SEND\na:'), 0xc3, 0x28, ...bytesOf('\n\n\0')]);
    assert.deepEqual(decodeAll([bytes], v12), ['SEND has a header that is not UTF-8']);
  });

  it('says with each error how to mend it', () => {
    const decoder = new FrameDecoder(LIMITS, () => undefined);
    assert.throws(() => decoder.push(bytesOf(`SEND\n\n${'x'.repeat(5000)}`)), {
      name: 'StompError',
      code: 'LIMIT_EXCEEDED',
      message: /over the limit of 4096\. The limit is set by stomp\.maxBodyBytes/,
    });
  });

  it('keeps the receipt of a frame whose body is refused, for the ERROR frame', () => {
    const decoder = new FrameDecoder(LIMITS, () => undefined);
    decoder.version = v12;
    assert.throws(() => decoder.push(bytesOf('SEND\nreceipt:r-1\ncontent-length:9999\n\n')));
    assert.equal(decoder.frame.header('receipt'), 'r-1');
  });

  it('holds at most twice what was received of a large body, whatever its content-length', () => {
    const limits = { ...LIMITS, maxBodyBytes: 64 * 1024 * 1024 };
    const decoder = new FrameDecoder(limits, () => undefined);
    decoder.push(bytesOf(`SEND\ncontent-length:${limits.maxBodyBytes}\n\n`));
    assert.ok(decoder.bufferedBytes <= 1024, `${decoder.bufferedBytes} at first`);
    let receivedBytes = 0;
    while (receivedBytes < 3_000_000) {
      decoder.push(new Uint8Array(65_536));
      receivedBytes += 65_536;
      assert.ok(decoder.bufferedBytes <= receivedBytes * 2 + 2048);
    }
  });

  it('holds nothing large once a large frame is complete', () => {
    const decoder = new FrameDecoder({ ...LIMITS, maxBodyBytes: 1_000_000 }, () => undefined);
    decoder.push(bytesOf('SEND\ncontent-length:900000\n\n'));
    decoder.push(new Uint8Array(900_001));
    assert.equal(decoder.midFrame, false);
    assert.ok(decoder.bufferedBytes <= 4096);
  });

  it('takes the new version from the next frame on, even within one chunk', () => {
    const seen: string[] = [];
    const decoder = new FrameDecoder(LIMITS, (frame) => {
      seen.push(frame.header('a') ?? '');
      decoder.version = v12;
    });
    decoder.push(bytesOf('CONNECT\na:1\\c2\n\n\0\nSEND\na:1\\c2\n\n\0'));
    assert.deepEqual(seen, ['1\\c2', '1:2']);
  });

  it('ignores everything after it was stopped', () => {
    let frames = 0;
    const decoder = new FrameDecoder(LIMITS, () => {
      frames += 1;
      decoder.stop();
    });
    decoder.push(bytesOf('BEGIN\n\n\0garbage\n\n\0'));
    decoder.push(bytesOf('more garbage\n'));
    assert.equal(frames, 1);
  });

  it('makes a detached frame that outlives its bytes', () => {
    const kept: string[] = [];
    const chunk = bytesOf('\n\nMESSAGE\nsubscription:1\nx\\c:y\n\nbody\0');
    const decoder = new FrameDecoder(LIMITS, (frame) => {
      const copy = frame.detach();
      chunk.fill(0);
      kept.push(copy.header('x:') ?? '', copy.header('subscription') ?? '', String(copy.body()));
    });
    decoder.version = v12;
    decoder.push(chunk);
    assert.deepEqual(kept, ['y', '1', String(bytesOf('body'))]);
  });
});
