/** The console: a page that shows what the admin API tells, and orders what it can (docs/console.md). */

import { render } from 'preact';
import { watchNode } from './node-watch.js';
import { Shell } from './shell.js';
import { applyTheme } from './theme.js';
import './base.css';
import './layout.css';
import './parts.css';

applyTheme();
watchNode();
const place = document.getElementById('console');
if (place !== null) render(<Shell />, place);
