import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyFileSystem } from '../../../src/doctor/file-system-kind.js';
import type { Verdict } from '../../../src/doctor/finding.js';
import { findMount } from '../../../src/doctor/mount-table.js';
import { assertSafeFileSystem } from '../../../src/doctor/safe-file-system.js';
import { HoldfastError } from '../../../src/platform/errors.js';

const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard';

function mountLine(type: string, options: string): string {
  return `${ROOT}\n40 27 0:50 / /srv/store rw,relatime shared:3 master:1 - ${type} source ${options}\n`;
}

function classify(type: string, options: string) {
  return classifyFileSystem(mountLine(type, options), '/srv/store/a');
}

const NFS_GOOD = 'rw,vers=4.2,rsize=262144,hard,proto=tcp,timeo=600,retrans=2,local_lock=none';

describe('the mount of a directory', () => {
  const TABLE = [
    ROOT,
    '30 27 0:40 / /srv rw - xfs /dev/vdb rw',
    '31 30 0:41 / /srv/store rw - nfs4 server:/store rw,vers=4.2',
    '32 27 0:42 / /srv/my\\040disk\\134x rw - btrfs /dev/vdc rw',
    '33 27 0:43 / /over rw - ext4 /dev/vdd rw',
    '34 33 0:44 / /over rw - tmpfs none rw',
    'nonsense',
  ].join('\n');

  for (const [path, mountPoint, type] of [
    ['/', '/', 'ext4'],
    ['/home/x', '/', 'ext4'],
    ['/srv', '/srv', 'xfs'],
    ['/srv/storefront', '/srv', 'xfs'],
    ['/srv/store', '/srv/store', 'nfs4'],
    ['/srv/store/deep/er', '/srv/store', 'nfs4'],
    ['/srv/my disk\\x/y', '/srv/my disk\\x', 'btrfs'],
    ['/over/x', '/over', 'tmpfs'],
  ] as const) {
    it(`of ${path} is ${mountPoint}`, () => {
      const mount = findMount(TABLE, path);
      assert.equal(mount?.mountPoint, mountPoint);
      assert.equal(mount.type, type);
    });
  }

  it('is unknown, and warned of, when the table does not name it', () => {
    assert.equal(findMount('', '/x'), null);
    assert.equal(classifyFileSystem('', '/x').verdict, 'warnings');
  });
});

describe('the kind of a file system', () => {
  const CASES: readonly (readonly [string, string, string, Verdict, boolean, RegExp?])[] = [
    ['ext4', 'rw', 'ext4', 'ok', true],
    ['ext4', 'rw,nobarrier', 'ext4', 'warnings', true, /write barriers are off/],
    ['xfs', 'rw', 'xfs', 'ok', true],
    ['btrfs', 'rw', 'btrfs', 'ok', true],
    ['zfs', 'rw', 'zfs', 'ok', true],
    ['overlay', 'rw', 'overlay', 'ok', true],
    ['ext4', 'ro', 'ext4', 'refuse', false, /mounted read-only/],
    ['tmpfs', 'rw', 'tmpfs', 'warnings', true, /in memory/],
    ['nfs4', NFS_GOOD, 'NFS 4.2', 'ok', true],
    ['nfs', NFS_GOOD, 'NFS 4.2', 'ok', true],
    ['nfs4', 'rw,vers=4.1,hard,nconnect=4,lookupcache=none', 'NFS 4.1', 'ok', true],
    ['nfs4', 'rw,vers=4.0,hard,noac,sync', 'NFS 4.0', 'ok', true, /noac asks the server/],
    ['nfs4', `${NFS_GOOD},local_lock=posix`, 'NFS 4.2', 'ok', true],
    ['nfs4', 'rw,vers=4.2,local_lock=all', 'NFS 4.2', 'refuse', false, /locks stay on each host/],
    ['nfs4', 'rw,vers=4.2,local_lock=flock', 'NFS 4.2', 'refuse', false, /locks stay/],
    ['nfs4', 'rw,vers=4.2,nolock', 'NFS 4.2', 'refuse', false, /locks stay/],
    ['nfs4', 'rw,vers=4.2,nocto', 'NFS 4.2', 'refuse', false, /nocto shows old/],
    ['nfs4', 'rw,vers=4.2,soft,timeo=600', 'NFS 4.2', 'warnings', true, /merely slow/],
    ['nfs4', 'rw,vers=4.2,softerr,timeo=10', 'NFS 4.2', 'warnings', true, /merely slow/],
    ['nfs4', 'rw,vers=4.2,softerr,timeo=50', 'NFS 4.2', 'ok', true, /softerr ends a tenure/],
    ['nfs', 'rw,vers=3,hard', 'NFS 3', 'refuse', false, /never releases the lock/],
    ['nfs', 'rw,vers=3,nolock,local_lock=all', 'NFS 3', 'refuse', false, /locks stay/],
    ['nfs', 'rw,vers=2', 'NFS 2', 'refuse', false],
    ['nfs', 'rw', 'NFS', 'warnings', false, /does not tell the version/],
    ['cifs', 'rw,vers=3.1.1,cache=strict', 'SMB', 'warnings', false, /fence 1 is not enforced/],
    ['cifs', 'rw,nobrl', 'SMB', 'refuse', false, /nobrl/],
    ['smb3', 'rw,cache=loose', 'SMB', 'refuse', false, /cache=loose/],
    ['ceph', 'rw', 'CephFS', 'warnings', false, /fence 1/],
    ['fuse.glusterfs', 'rw', 'GlusterFS', 'warnings', false, /fence 1/],
    ['gfs2', 'rw', 'GFS2', 'warnings', false],
    ['gfs2', 'rw,localflocks', 'GFS2', 'refuse', false, /stay on each host/],
    ['gfs2', 'rw,lockproto=lock_nolock', 'GFS2', 'refuse', false],
    ['ocfs2', 'rw', 'OCFS2', 'warnings', false],
    ['ocfs2', 'rw,localflocks', 'OCFS2', 'refuse', false],
    ['lustre', 'rw,flock', 'Lustre', 'warnings', false],
    ['lustre', 'rw,localflock', 'Lustre', 'refuse', false],
    ['lustre', 'rw', 'Lustre', 'refuse', false, /flock is off/],
    ['fuse.sshfs', 'rw', 'fuse.sshfs', 'warnings', false, /may or may not share locks/],
    ['9p', 'rw', '9p', 'warnings', false, /nothing is known of 9p/],
  ];
  for (const [type, options, kind, verdict, fence1Enforced, what] of CASES) {
    it(`${type} with ${options} is ${kind}: ${verdict}`, () => {
      const found = classify(type, options);
      assert.equal(found.kind, kind);
      assert.equal(found.verdict, verdict);
      assert.equal(found.fence1Enforced, fence1Enforced);
      assert.equal(found.mountPoint, '/srv/store');
      assert.deepEqual(
        found.fences.map((fence) => fence.number),
        [1, 2, 3, 4],
      );
      if (what !== undefined) assert.ok(found.findings.some((finding) => what.test(finding.what)));
      for (const finding of found.findings) assert.notEqual(finding.mend, '');
    });
  }

  it('is a network one wherever other hosts may write', () => {
    assert.equal(classify('xfs', 'rw').isNetwork, false);
    for (const type of ['nfs4', 'cifs', 'ceph', 'fuse.x']) {
      assert.equal(classify(type, 'rw').isNetwork, true, type);
    }
  });
});

describe('what start refuses', () => {
  const readMounts = (options: string) => async () => ({
    realPath: '/srv/store',
    mountInfo: mountLine('nfs4', options),
  });

  it('is what the doctor refuses, with every reason and its mend', async () => {
    await assert.rejects(
      assertSafeFileSystem(readMounts('rw,vers=4.2,nolock,nocto'), './store'),
      (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, 'STORE_UNSAFE');
        assert.equal(
          error.message,
          'The store ./store lies on NFS 4.2 (mounted at /srv/store), which cannot keep two nodes ' +
            'apart: locks stay on each host (nolock, local_lock), so that two nodes would both ' +
            'get the lock: mount it without nolock and local_lock; nocto shows old contents of ' +
            'what another host has rewritten: mount it without nocto.',
        );
        return true;
      },
    );
  });

  it('leaves warnings to the doctor', async () => {
    const kind = await assertSafeFileSystem(readMounts('rw,vers=4.2,soft'), './store');
    assert.equal(kind.verdict, 'warnings');
    assert.equal(kind.fence1Enforced, true);
  });
});
