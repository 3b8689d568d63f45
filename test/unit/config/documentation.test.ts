import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configurationPage } from '../../../src/config/documentation.js';
import { RELATIONS } from '../../../src/config/relations.js';
import { SETTINGS } from '../../../src/config/settings.js';

test('docs/configuration.md says what the schema says', () => {
  assert.equal(
    readFileSync('docs/configuration.md', 'utf8'),
    configurationPage(),
    'run: npm run build && node scripts/write-configuration-page.mjs',
  );
});

test('every setting has a description and a variable of its own', () => {
  assert.ok(SETTINGS.every((setting) => setting.description.length > 0));
  assert.equal(new Set(SETTINGS.map((setting) => setting.environmentName)).size, SETTINGS.length);
});

test('every relation names settings that exist', () => {
  const paths = new Set(SETTINGS.map((setting) => setting.path));
  assert.ok(RELATIONS.every(({ path, otherPath }) => paths.has(path) && paths.has(otherPath)));
});
