/** One lab for each version of NFS, for all scenarios of one test file. */
import { after, before } from 'node:test';
import { Lab } from '../../scripts/lab/lab.js';
import { obstacles, readMachine } from '../../scripts/lab/machine.js';
import { DEFAULT_SETTINGS, type LabSettings } from '../../scripts/lab/settings.js';

type Version = LabSettings['nfsVersion'];

const missing = obstacles(readMachine());
const wanted = (process.env.LAB_NFS_VERSIONS ?? '4.2').split(',') as Version[];

export const labFor = {
  versions: wanted,
  skip: missing.length === 0 ? false : `SKIPPED: ${missing.join(' ')}`,
  lab(nfsVersion: Version, settings: Partial<LabSettings> = {}): Lab {
    const name = `test-${process.pid}-${nfsVersion.replace('.', '')}`;
    const lab = new Lab(name, (line) => process.stderr.write(`lab: ${line}\n`));
    before(() => lab.up({ ...DEFAULT_SETTINGS, brokers: ['a', 'b'], nfsVersion, ...settings }));
    after(() => lab.down());
    return lab;
  },
};
