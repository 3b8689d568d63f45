// Writes the table of docs/metrics.md from the code. Run it after `npm run build` when a metric changes.
import { readFileSync, writeFileSync } from 'node:fs';
import { metricsTable } from '../dist/src/admin/metrics/catalog.js';

const page = new URL('../docs/metrics.md', import.meta.url);
const [before] = readFileSync(page, 'utf8').split('## All metrics\n');
writeFileSync(page, `${before}## All metrics\n\n${metricsTable()}`);
