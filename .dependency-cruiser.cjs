/**
 * Who may import whom. The table is the architecture: a folder of src/ may import the folders and
 * files named after it, itself, and the ports (src/platform/*.ts). What is not in the table is
 * forbidden, so a new folder needs a row. scripts/check.mjs also fails when fewer modules are
 * seen than there are sources, because a rule that sees nothing forbids nothing.
 */
const MAY_IMPORT = {
  'platform/node': [],
  config: [
    ...['broker/address-settings.ts', 'broker/topic-patterns.ts', 'broker/api.ts'],
    'protocols/shared/destination-name.ts',
  ],
  store: ['ownership/role.ts', 'journal/format.ts'],
  journal: ['store/layout.ts', 'store/documents.ts'],
  ownership: ['store', 'journal/format.ts'],
  doctor: ['store'],
  tracing: [
    ...['broker/api.ts', 'broker/forwarded-session.ts', 'broker/services.ts'],
    ...['hooks/role-hooks.ts', 'ownership/role.ts'],
  ],
  hooks: ['config/schema.ts', 'ownership/role.ts', 'store/documents.ts'],
  broker: ['journal/format.ts', 'selector'],
  selector: [],
  'protocols/shared': ['broker/api.ts'],
  security: [
    'broker/api.ts',
    'broker/forwarded-session.ts',
    'broker/topic-patterns.ts',
    'config/address.ts',
    'protocols/shared',
  ],
  'protocols/stomp': ['broker/api.ts', 'config/schema.ts', 'protocols/shared', 'selector'],
  'protocols/amqp': ['broker/api.ts', 'config/schema.ts', 'protocols/shared', 'selector'],
  'protocols/conversion': ['broker/api.ts', 'protocols/amqp', 'protocols/stomp'],
  client: ['protocols'],
  // Runs in browsers: what it takes from others is types, and what has no I/O at all.
  console: [
    ...['broker/facts.ts', 'broker/management-api.ts', 'security/rights.ts'],
    ...['node/administration.ts', 'node/node-report.ts', 'node/message-view.ts'],
  ],
  admin: [
    ...['platform/node', 'config', 'broker/api.ts', 'broker/management-api.ts'],
    ...['broker/facts.ts', 'broker/statistics.ts'],
    ...['node/node-report.ts', 'node/node-figures.ts', 'node/administration.ts'],
    ...['protocols/shared', 'security'],
  ],
  node: [
    'platform/node',
    'admin',
    'config',
    'store',
    'journal',
    'ownership',
    'doctor',
    'hooks',
    'tracing',
    'broker',
    'protocols',
    'security',
    'selector',
  ],
  embedding: [
    'platform/node',
    'config',
    'hooks',
    'store/documents.ts',
    'ownership/role.ts',
    'node',
  ],
  cli: [
    ...['platform/node', 'config', 'store', 'journal', 'ownership', 'doctor'],
    ...['client', 'node', 'protocols', 'broker/facts.ts', 'broker/management-api.ts'],
    'security',
  ],
};

/** Modules of Node that compute and do no I/O. */
const PURE_NODE_MODULES = '^(node:)?(path/posix|zlib|buffer|events)$';
/** Packages that touch files, descriptors or other processes on their own. */
const PACKAGES_WITH_IO = '/(fs-ext|proper-lockfile|chokidar|pino|pino-pretty|yargs|fastify)/';
const THE_RIM = '^src/(platform/node|cli)/';
/** The web framework opens its listener by itself. */
const THE_RIM_OF_PACKAGES = '^src/(platform/node|cli|admin)/';

const escapeDots = (path) => path.replaceAll('.', '\\.');
const pathPattern = (path) => `^src/${escapeDots(path)}${path.endsWith('.ts') ? '$' : '/'}`;

const directions = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `${folder.replace('/', '-')}-imports`,
  comment: `src/${folder}/ may import only: ${['the ports', ...others].join(', ')}`,
  severity: 'error',
  from: { path: pathPattern(folder) },
  to: {
    path: '^src/',
    pathNot: ['^src/platform/[^/]+\\.ts$', ...[folder, ...others].map(pathPattern)],
  },
}));

module.exports = {
  forbidden: [
    ...directions,
    {
      name: 'folder-without-a-row',
      comment: 'Every folder of src/ needs a row in MAY_IMPORT',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/platform/[^/]+\\.ts$', ...Object.keys(MAY_IMPORT).map(pathPattern)],
      },
      to: {},
    },
    {
      name: 'ports-import-nothing',
      comment: 'The ports are what everything else stands on',
      severity: 'error',
      from: { path: '^src/platform/[^/]+\\.ts$' },
      to: { pathNot: '^src/platform/[^/]+\\.ts$' },
    },
    {
      name: 'io-at-the-rim',
      comment: 'Only src/platform/node/ and src/cli/ do I/O; everything else takes ports',
      severity: 'error',
      from: { path: '^src/', pathNot: THE_RIM },
      to: { dependencyTypes: ['core'], pathNot: PURE_NODE_MODULES },
    },
    {
      name: 'io-packages-at-the-rim',
      comment: 'Packages that do I/O of their own count as I/O',
      severity: 'error',
      from: { path: '^src/', pathNot: THE_RIM_OF_PACKAGES },
      to: { path: PACKAGES_WITH_IO },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or hide a third',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-unresolved',
      comment: 'An import that leads nowhere would be seen by no other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'bench-imports',
      comment:
        'The load programs use what is published, and nothing of the tests; one of them starts a lab',
      severity: 'error',
      from: { path: '^bench/' },
      to: { path: '^(test|scripts)/', pathNot: '^scripts/lab/' },
    },
    {
      name: 'sources-need-no-tests',
      comment: 'What is published must not lean on tests, benchmarks or development packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'sources-need-no-development-packages',
      severity: 'error',
      // The console is built into files that need no packages any more.
      from: { path: '^src/', pathNot: '^src/console/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
