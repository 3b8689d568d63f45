/** Builds the console into dist/, beside the compiled broker, which serves it (src/admin/console-routes.ts). */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  // Nothing is taken over as it is.
  publicDir: false,
  logLevel: 'warn',
  build: {
    outDir: '../../dist/src/console',
    emptyOutDir: true,
    target: 'es2022',
    // The page allows no images and fonts but its own files, nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
