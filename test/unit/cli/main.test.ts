import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { StatusJson } from '../../../src/cli/status/status-view.js';
import { atEnd } from '../../support/at-end.js';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
after(() => rmSync(directory, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function holdfast(commandLine: readonly string[], environment: NodeJS.ProcessEnv = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...commandLine], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...environment },
  });
  return { code: status, stdout, stderr };
}

function refuses(promise: string, commandLine: readonly string[], code: number, sentence: string) {
  test(promise, () => {
    assert.deepEqual(holdfast(commandLine), {
      code,
      stdout: '',
      stderr: `holdfast: ${sentence}\n`,
    });
  });
}

refuses(
  'an unknown command is refused with the nearest one',
  ['handove'],
  2,
  'Unknown command handove; did you mean handover?',
);
refuses(
  'an unknown option is refused with the nearest one',
  ['start', '--stor', 'x'],
  2,
  'Unknown option --stor of holdfast start; did you mean --store?',
);
refuses(
  'an option without its value is refused',
  ['status', '--store'],
  2,
  '--store needs a value.',
);
refuses(
  'what is for two doctors is refused to one',
  ['doctor', '.', '--lease', 'cut'],
  2,
  '--lease is of use with --peer only.',
);
refuses(
  'a choice that there is not is refused with those that there are',
  ['doctor', '.', '--peer', '--lease', 'burn'],
  2,
  '--lease must be one of cut, power-off, but is "burn".',
);
refuses(
  'an option given twice is refused',
  ['status', '--store', 'a', '--store', 'b'],
  2,
  '--store is given more than once.',
);
refuses(
  'an argument too many is refused',
  ['status', 'here'],
  2,
  'holdfast status does not take "here"; see holdfast status --help.',
);
refuses(
  'a number that is none is refused',
  ['handover', '--timeout', 'soon'],
  2,
  '--timeout must be a number.',
);
refuses(
  'a command without its store says the two ways to name one',
  ['status'],
  2,
  'No store directory is given; pass --store DIR or set HOLDFAST_STORE.',
);
refuses(
  'a message without content is refused with the ways to give some',
  ['send', '/queue/q'],
  2,
  'There is nothing to send; give a text, --file FILE, --size BYTES, or - for standard input.',
);
refuses(
  'a missing argument is refused',
  ['receive'],
  2,
  'An argument is missing: holdfast receive <destination>; see holdfast receive --help.',
);
refuses(
  'an action that is none lists what there is',
  ['journal', 'check'],
  2,
  'action must be one of verify, dump, but is "check".',
);
refuses(
  'a time that is over before it begins is refused',
  ['handover', '--store', '.', '--timeout', '0'],
  2,
  '--timeout must be above 0 and at most 2000000 seconds, but is 0.',
);
refuses(
  'a time that no timer keeps is refused',
  ['receive', '/queue/q', '--timeout', '1e9'],
  2,
  '--timeout must be above 0 and at most 2000000 seconds, but is 1000000000.',
);
refuses(
  'what a message cannot have beside lines of standard input is refused',
  ['send', '/queue/q', '-', '--count', '2'],
  2,
  'Each line of standard input is one message: no --file, --size and --count.',
);
refuses(
  'receiving for ever and a count are refused together',
  ['receive', '/queue/q', '--follow', '--count', '3'],
  2,
  'Give either --follow or --count, not both.',
);
refuses(
  'a rejection of what is gone when it is sent is refused',
  ['receive', '/queue/q', '--reject', '--ack', 'auto'],
  2,
  'With --ack auto nothing is left to reject; give either --reject or --ack auto.',
);
refuses(
  'a header that send writes itself is refused',
  ['send', '/queue/q', 'text', '--header', 'receipt=1'],
  2,
  '--header cannot give receipt, which this command writes itself.',
);
refuses(
  'the name of a new queue with a prefix is refused',
  ['queue', 'create', '/queue/orders'],
  2,
  'Queues are named without a prefix here: write orders, not /queue/orders.',
);
refuses(
  'browsing by id takes no filter',
  ['queue', 'browse', 'orders', '--id', '1', '--filter', 'a = 1'],
  2,
  'holdfast queue browse --id shows that message; it takes no --filter and --limit.',
);
refuses(
  'an id that is no number is refused',
  ['queue', 'browse', '--id', 'x', 'orders'],
  2,
  '--id must be the id of a message, a whole number as browse shows it.',
);
refuses(
  'user list takes no name',
  ['user', 'list', 'ann'],
  2,
  'holdfast user list takes no name; it shows all users.',
);
refuses(
  'user remove takes no password',
  ['user', 'remove', 'ann', '--password-stdin'],
  2,
  'holdfast user remove takes no --password-stdin.',
);
refuses(
  'an admin address that is none is refused',
  ['status', '--store', '.', '--node', 'broker'],
  2,
  '--node must be HOST:PORT of an admin listener, such as broker-1:8161, or https://HOST:PORT, but is "broker".',
);
refuses(
  'a choice that is none lists what there is',
  ['receive', '/queue/q', '--ack', 'later'],
  2,
  '--ack must be one of auto, client, client-individual, but is "later".',
);
refuses(
  'an address that is none is refused',
  ['send', '/queue/q', 'text', '--url', 'http://here'],
  2,
  '"http://here" is not a STOMP address; write stomp://HOST:PORT, such as stomp://127.0.0.1:61613, or stomp+ssl://HOST:PORT.',
);
refuses(
  'a count that cannot be counted is refused',
  ['send', '/queue/q', 'text', '--count', '0'],
  2,
  '--count must be a whole number from 1, but is 0.',
);
refuses(
  'a node without a store says the three ways to name one',
  ['start'],
  2,
  'No store directory is given; pass --store DIR, set HOLDFAST_STORE, or write "store: DIR" into the configuration file.',
);
refuses(
  'a bad flag of start is named as the flag',
  ['start', '--store', directory, '--log-level', 'loud'],
  2,
  'log.level in --log-level must be one of trace, debug, info, warn, error, silent, but is "loud".',
);
refuses(
  'a listener for everybody is refused with the mend',
  ['start', '--store', directory, '--stomp', '0.0.0.0:0'],
  2,
  'stomp.listen in --stomp is 0.0.0.0:0, which other hosts can reach, and no users are configured; listen on 127.0.0.1, name a file of users with security.usersFile, or pass --allow-anonymous when everybody who reaches it may use it.',
);
refuses(
  'a configuration file that is not there is named',
  ['start', '--config', '/nowhere/holdfast.yaml'],
  2,
  "The configuration file /nowhere/holdfast.yaml cannot be read: ENOENT: no such file or directory, open '/nowhere/holdfast.yaml'.",
);
refuses(
  'the status of a directory that is not there is refused',
  ['status', '--store', '/nowhere'],
  3,
  'The store directory /nowhere does not exist: create it, or mount it.',
);
refuses(
  'a handover with nobody live ends with 4',
  ['handover', '--store', directory],
  4,
  'No node is live, so there is nothing to hand over; start one with holdfast start.',
);

test('the configuration file named by HOLDFAST_CONFIG is read', () => {
  const file = join(directory, 'holdfast.yaml');
  writeFileSync(file, 'stor: /store\n');
  const { code, stderr } = holdfast(['start'], { HOLDFAST_CONFIG: file });
  assert.equal(stderr, `holdfast: Unknown key stor in ${file}, line 1; did you mean store?\n`);
  assert.equal(code, 2);
});

test('an unknown HOLDFAST_ variable is refused', () => {
  const { code, stderr } = holdfast(['start'], { HOLDFAST_STORES: directory });
  assert.equal(
    stderr,
    'holdfast: Unknown environment variable HOLDFAST_STORES; did you mean HOLDFAST_STORE?\n',
  );
  assert.equal(code, 2);
});

test('the stack of an error is shown when debugging, and only then', () => {
  const { stderr } = holdfast(['start', '--log-level', 'debug']);
  assert.match(stderr, /^holdfast: No store directory is given.*\nHoldfastError: .*\n {4}at /);
});

test('-h explains as --help does', () => {
  assert.deepEqual(holdfast(['send', '-h']), holdfast(['send', '--help']));
});

test('status of a store that no node has used says so, in both forms, and ends with 4', () => {
  const page = holdfast(['status', '--store', directory]);
  assert.match(
    page.stdout,
    /not initialised yet\nLive {3}nobody\n\nNo node has used this store yet\.\n {2}Is this the right directory, and is it mounted .*\n {2}docs\/runbook\.md#new-store\n$/,
  );
  assert.equal(page.code, 4);
  const json = holdfast(['status', '--json'], { HOLDFAST_STORE: directory });
  const { situations, ...others } = JSON.parse(json.stdout) as StatusJson;
  const nothing = { unanswered: [], storeAnswers: true, storeId: null, live: null, nodes: [] };
  assert.deepEqual(others, { state: 'new-store', ...nothing });
  assert.equal(situations.length, 1);
  assert.equal(json.code, 4);
});

test('a store that cannot be read is a situation, in both forms, and not a failure of status', () => {
  // Only a name that leads round in circles fails on every machine; a lost mount fails with EIO or ESTALE.
  const loop = join(directory, 'loop');
  symlinkSync(loop, loop);
  const page = holdfast(['status', '--store', loop]);
  assert.match(page.stdout, /The store cannot be read by this host \(ELOOP: .*#store-silent-/s);
  assert.deepEqual([page.stderr, page.code], ['', 4]);
  const json = holdfast(['status', '--store', loop, '--json']);
  assert.equal((JSON.parse(json.stdout) as StatusJson).storeAnswers, false);
});

for (const { flags, newStore, missing } of [
  { flags: ['--json'], newStore: '"state":"new-store"', missing: '"code":"STORE_MISSING"' },
  { flags: [], newStore: 'No node has used this store yet.', missing: 'does not exist: create it' },
]) {
  test(`status --watch ${flags} tells of a store that goes, and goes on`, async (t) => {
    const store = join(directory, 'goes');
    mkdirSync(store);
    const commandLine = [PROGRAM, 'status', '--store', store, '--watch', ...flags];
    const child = spawn(process.execPath, commandLine, { stdio: ['ignore', 'pipe', 'inherit'] });
    atEnd(t, () => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const until = async (text: string): Promise<void> => {
      for (;;) {
        const { done, value } = await lines.next();
        assert.ok(done !== true, `it ended before it said ${text}`);
        if (value.includes(text)) return;
      }
    };
    await until(newStore);
    rmSync(store, { recursive: true });
    await until(missing);
    mkdirSync(store);
    await until(newStore);
    rmSync(store, { recursive: true });
  });
}

test('a store whose files may not be read says for whom it is', {
  skip: process.getuid?.() === 0 && 'root may read all files',
}, () => {
  const store = join(directory, 'private');
  mkdirSync(store);
  writeFileSync(join(store, 'store.json'), '{}', { mode: 0 });
  const { code, stderr } = holdfast(['status', '--store', store]);
  assert.match(stderr, /EACCES.*store\.json.*by this user\. Use the user that the nodes run as/);
  assert.equal(code, 3);
});

test('the version is the one of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual(holdfast(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('without a command the help is shown as an error', () => {
  const { code, stdout, stderr } = holdfast([]);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /Usage: holdfast COMMAND \[OPTIONS\]/);
});

for (const command of [
  ...['start', 'pair', 'status', 'handover', 'doctor', 'send', 'receive'],
  ...['journal', 'top', 'queue', 'connection', 'user', 'completion'],
]) {
  test(`holdfast ${command} --help shows its usage, its options and examples`, () => {
    const { code, stdout, stderr } = holdfast([command, '--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, new RegExp(`Usage: holdfast ${command}.* \\[OPTIONS\\]`));
    assert.match(stdout, /Options:\n(.*\n)*Examples:\n {2}# .+\n {2}holdfast/);
    const examples =
      stdout.slice(stdout.indexOf('Examples:\n')).split('\n\n')[0]?.split('\n') ?? [];
    for (const line of examples.slice(1))
      assert.match(line, /^ {2}(?:# |holdfast )/, 'one that broke');
    assert.doesNotMatch(stdout, /stop-with-parent/);
  });
}

test('bash completes commands, actions and options by what completion prints', () => {
  const script = holdfast(['completion'], { SHELL: '/bin/bash' }).stdout;
  const complete = (words: string): string => {
    const count = words.split(' ').length - 1;
    const program = `
      holdfast() { "${process.execPath}" "${PROGRAM}" "$@"; }
      ${script}
      COMP_WORDS=(${words}); COMP_CWORD=${count}; _holdfast_yargs_completions; echo "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', program], { encoding: 'utf8' }).stdout.trim();
  };
  assert.equal(complete('holdfast hand'), 'handover');
  assert.equal(complete('holdfast queue pu'), 'purge');
  assert.equal(complete('holdfast start --am'), '--amqp');
});
