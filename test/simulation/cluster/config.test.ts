import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RELATIONS } from '../../../src/config/relations.js';
import { SeededRandom } from '../kernel/random.js';
import { drawAmqp, drawSettings, nodeConfig } from './config.js';

const PLACE = { name: 'a', host: 'a', port: 61_613 };

describe('the settings of a simulated cluster', () => {
  it('keep every relation that the real configuration is checked for', () => {
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const kind = seed % 2 === 0 ? 'nfs4' : 'nfs4-local-locks';
      const random = new SeededRandom(seed, 'settings');
      const settings = { ...drawSettings(random, kind), amqp: drawAmqp(random) };
      const config = nodeConfig(settings, PLACE);
      const broken = RELATIONS.filter(({ holds }) => !holds(config)).map(({ path }) => path);
      assert.deepEqual(broken, [], `seed ${seed}`);
    }
  });

  it('are the same for the same seed, and differ between seeds', () => {
    const draw = (seed: number) => drawSettings(new SeededRandom(seed, 'settings'), 'nfs4');
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });
});
