/** The Kubernetes manifests: by their schemas, against each other, and against what nodes and image say of themselves. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseListenAddress } from '../../src/config/address.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { environmentOf, readStages, type Stage } from '../support/dockerfile.js';
import {
  faultsOf,
  MANIFEST_FILES,
  MANIFEST_FOLDER,
  type Manifest,
  manifest,
  manifestsOf,
  noValidator,
  readKustomization,
} from '../support/kubernetes.js';
import { repositoryRoot } from '../support/repository-root.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile } from '../support/users.js';

const VERSIONS = ['1.30', '1.37'];
const SECOND_MS = 1_000;

const nodes: Manifest = manifest('StatefulSet', 'holdfast');
const pod: Manifest = nodes.spec.template.spec;
const container: Manifest = pod.containers[0];

for (const version of VERSIONS) {
  test(`Kubernetes ${version} knows every field`, { skip: noValidator }, async (t) => {
    for (const name of MANIFEST_FILES) {
      assert.equal(await faultsOf(join(MANIFEST_FOLDER, name), version), '', name);
    }
    const directory = await temporaryDirectoryOf(t);
    const wrong = join(directory, 'nodes.yaml');
    const text = await readFile(join(MANIFEST_FOLDER, 'nodes.yaml'), 'utf8');
    await writeFile(wrong, text.replace('minReadySeconds', 'minimumReadySeconds'));
    assert.match(await faultsOf(wrong, version), /minimumReadySeconds/);
  });
}

test('the kustomization names every file', () => {
  assert.deepEqual([...readKustomization().resources].sort(), MANIFEST_FILES);
});

/** The last stage of the image. */
async function imageStage(): Promise<Stage> {
  const stage = (await readStages()).at(-1);
  assert.ok(stage);
  return stage;
}

/** The configuration of a node in its pod: from the image, the ConfigMap and the StatefulSet. */
async function nodeConfig(): Promise<Config> {
  const own: Record<string, string> = { POD_NAME: 'holdfast-0', POD_NAMESPACE: 'brokers' };
  for (const { name, value } of container.env) {
    if (value !== undefined)
      own[name] = value.replace(/\$\((\w+)\)/g, (_: string, key: string) => own[key]);
  }
  const [name, text] = Object.entries(manifest('ConfigMap', 'holdfast-settings').data)[0] as [
    string,
    string,
  ];
  assert.deepEqual(container.args, ['start', '--config', `/etc/holdfast/${name}`]);
  return loadConfig({
    hostName: 'holdfast-0',
    file: { name, text },
    environment: { ...environmentOf(await imageStage()), ...own },
    flags: [],
  });
}

test('the settings are those of a node: two names, users required, reachable addresses', async () => {
  const config = await nodeConfig();
  assert.equal(config.name, 'holdfast-0');
  assert.equal(config.stomp.advertise, 'holdfast-0.holdfast-nodes.brokers.svc:61613');
  assert.equal(config.allowAnonymous, false);
  const mounts = new Map(
    container.volumeMounts.map((mount: Manifest) => [mount.mountPath, mount.name]),
  );
  assert.equal(mounts.get(config.store), 'store');
  assert.equal(mounts.get(config.security.usersFile?.replace(/\/[^/]*$/, '')), 'users');
  const ports = Object.fromEntries(
    container.ports.map((port: Manifest) => [port.name, port.containerPort]),
  );
  assert.deepEqual(ports, {
    stomp: parseListenAddress(config.stomp.listen, 'stomp').port,
    admin: parseListenAddress(config.admin.listen ?? '', 'admin').port,
  });
  // Variables like HOLDFAST_PORT, which Kubernetes makes of a Service, would be refused as unknown.
  assert.equal(pod.enableServiceLinks, false);
});

test('every hook is in the image', async () => {
  const { onLive, onBackup, onFenced, onStop } = (await nodeConfig()).hooks;
  const copied = (await imageStage()).instructions.filter(({ word }) => word === 'COPY');
  for (const hook of [onLive, onBackup, onFenced, onStop]) {
    const [, path] = /^node \/opt\/holdfast\/(\S+)$/.exec(hook ?? '') ?? [];
    assert.ok(
      copied.some(({ rest }) => path !== undefined && rest.startsWith(path)),
      hook,
    );
  }
});

test('nodes have the time that they need to hand over, and to end by themselves', async () => {
  const { ownership, hooks } = await nodeConfig();
  const neededMs = ownership.handoverTimeoutMs + 2 * hooks.timeoutMs;
  assert.ok(pod.terminationGracePeriodSeconds * SECOND_MS > neededMs);
  const { periodSeconds, failureThreshold } = container.livenessProbe;
  assert.ok(periodSeconds * failureThreshold * SECOND_MS > ownership.storeStallLimitMs);
});

test('probes ask what docs/admin.md says: life to be left alone, readiness to get clients', () => {
  assert.equal(container.livenessProbe.httpGet.path, '/health/live');
  assert.equal(container.startupProbe.httpGet.path, '/health/live');
  assert.equal(container.readinessProbe.httpGet.path, '/health/ready');
});

test('each node is on a host of its own, and one at a time is taken away', () => {
  const [rule, ...others] =
    pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  assert.deepEqual(others, []);
  assert.equal(rule.topologyKey, 'kubernetes.io/hostname');
  const { labels } = nodes.spec.template.metadata;
  const budget = manifest('PodDisruptionBudget', 'holdfast').spec;
  for (const { matchLabels } of [rule.labelSelector, nodes.spec.selector, budget.selector]) {
    assert.deepEqual(matchLabels, labels);
  }
  assert.equal(budget.maxUnavailable, 1);
  assert.equal(nodes.spec.podManagementPolicy, 'Parallel');
});

test('Services lead to the nodes, and one of them to the live node alone', () => {
  const { labels } = nodes.spec.template.metadata;
  assert.deepEqual(manifest('Service', 'holdfast').spec.selector, labels);
  assert.deepEqual(manifest('Service', 'holdfast-live').spec.selector, {
    ...labels,
    'holdfast/role': 'live',
  });
  const byNode = manifest('Service', nodes.spec.serviceName).spec;
  assert.equal(byNode.clusterIP, 'None');
  assert.equal(byNode.publishNotReadyAddresses, true);
  const names = container.ports.map((port: Manifest) => port.name);
  for (const { spec } of manifestsOf('Service')) {
    for (const { targetPort } of spec.ports) assert.ok(names.includes(targetPort), targetPort);
  }
});

test('nodes may write onto their own pods, and nothing else', () => {
  const [{ rules }] = manifestsOf('Role');
  const pods = Array.from({ length: nodes.spec.replicas }, (_, index) => `holdfast-${index}`);
  assert.deepEqual(rules, [
    { apiGroups: [''], resources: ['pods'], resourceNames: pods, verbs: ['patch'] },
  ]);
  const [binding] = manifestsOf('RoleBinding');
  assert.equal(binding.subjects[0].name, pod.serviceAccountName);
  assert.equal(manifest('ServiceAccount', pod.serviceAccountName).metadata.name, 'holdfast');
});

test('a node has no rights on its host, and the number that the image was built for', async () => {
  const [uid] = (await imageStage()).instructions.flatMap(({ word, rest }) =>
    word === 'ARG' ? [Number(/HOLDFAST_UID=(\d+)/.exec(rest)?.[1])] : [],
  );
  const { runAsNonRoot, runAsUser, runAsGroup, seccompProfile } = pod.securityContext;
  assert.deepEqual([runAsNonRoot, runAsUser, runAsGroup], [true, uid, uid]);
  assert.deepEqual(seccompProfile, { type: 'RuntimeDefault' });
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('the store is mounted as docs/two-hosts.md says', async () => {
  const page = await readFile(join(repositoryRoot(), 'docs', 'two-hosts.md'), 'utf8');
  const line = /^SERVER:\/srv\/holdfast +\/srv\/holdfast +nfs4 +(\S+)/m.exec(page)?.[1] ?? '';
  // What is for the order of starting at boot is no option of a mount.
  const options = line.split(',').filter((option) => option !== '_netdev');
  const volume = manifest('PersistentVolume', 'holdfast-store').spec;
  assert.deepEqual(volume.mountOptions, options);
  const claim = manifest('PersistentVolumeClaim', 'holdfast-store').spec;
  assert.deepEqual(claim.accessModes, ['ReadWriteMany']);
  assert.equal(claim.volumeName, 'holdfast-store');
  const used = pod.volumes.find((each: Manifest) => each.name === 'store');
  assert.equal(used.persistentVolumeClaim.claimName, 'holdfast-store');
});

test('users of a Secret change while a node runs', async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const at = (...names: string[]): string => join(directory, ...names);
  // As Kubernetes does it: a folder for each version, and a link that is replaced.
  for (const [version, users] of [
    ['..1', { ann: [] }],
    ['..2', { ann: [], ben: [] }],
  ] as const) {
    await mkdir(at(version));
    await makeUsersFile(at(version, 'users.yaml'), {}, users);
  }
  await symlink('..1', at('..data'));
  await symlink(join('..data', 'users.yaml'), at('users.yaml'));
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: at('users.yaml') });
  const node = await store.startLive('a');
  assert.equal((await node.untilEvent('users-read')).users, 1);
  await symlink('..2', at('..data.new'));
  await rename(at('..data.new'), at('..data'));
  assert.equal((await node.untilEvent('users-changed')).users, 2);
});
