/** The scripts that both labs run; what they do is tried in the lab itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

function refusal(script: string, ...args: readonly string[]): string {
  const child = spawnSync('bash', [`scripts/provision/${script}`, ...args], { encoding: 'utf8' });
  assert.equal(child.status, 2, `${script} ${args.join(' ')}: ${child.stderr}`);
  return child.stderr;
}

const CLIENTS = ['--clients', '10.0.7.0/24'] as const;

const REFUSED: readonly (readonly [readonly [string, ...string[]], RegExp])[] = [
  [['nfs-server.sh'], /--clients is needed/],
  [['nfs-server.sh', '--leese', '1'], /unknown option --leese/],
  [['nfs-server-settings.sh', ...CLIENTS, '--lease-seconds', '9'], /from 10 to 3600, not 9/],
  [['nfs-server-settings.sh', ...CLIENTS, '--lease-seconds', '1e2'], /from 10 to 3600, not 1e2/],
  [
    ['nfs-server-settings.sh', ...CLIENTS, '--lease-seconds', '30', '--grace-seconds', '20'],
    /\(20\) must not be below --lease-seconds \(30\)/,
  ],
  [['nfs-server-settings.sh', ...CLIENTS, '--write', 'fast'], /--write is sync or async, not fast/],
  [['nfs-server-settings.sh', ...CLIENTS, '--nfs3', 'yes'], /--nfs3 is on or off, not yes/],
  [['broker-mount.sh'], /--server is needed/],
  [['broker-mount.sh', '--server', 's', '--nfs-version', '3'], /4.0, 4.1 or 4.2, not 3/],
  [['broker-mount.sh', '--server', 's', '--mount-options', 'a b'], /without spaces, not 'a b'/],
  [['broker.sh', '--server', 's'], /--server and --stomp are needed/],
];

for (const [[script, ...args], sentence] of REFUSED) {
  test(`${[script, ...args].join(' ')} is refused`, () => {
    assert.match(refusal(script, ...args), sentence);
  });
}
