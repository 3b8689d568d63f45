// Writes docs/configuration.md from the schema. Run it after `npm run build` when a setting changes.
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../dist/src/config/documentation.js';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage());
