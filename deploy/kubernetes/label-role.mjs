/**
 * A role hook (docs/hooks.md): writes the role of this node onto its pod, as the label `holdfast/role`,
 * so that the Service `holdfast-live` has the live node's pod alone behind it. Whoever is not live is
 * `backup`. It patches its own pod through the Kubernetes API, with the pod's service account; it needs
 * nothing but Node. Ends with 0, or with 1 and a sentence.
 *
 * The label is a hint for clients, and decides nothing: a backup that is taken for the live node
 * passes clients on to it.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

/** In all, below hooks.timeoutMs (10 s), after which the node kills this process. */
const LIMIT_MS = 8_000;
const REQUEST_LIMIT_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const LABEL = 'holdfast/role';
/** Where Kubernetes puts them, if not told otherwise. */
const ACCOUNT =
  process.env.SERVICE_ACCOUNT_DIRECTORY || '/var/run/secrets/kubernetes.io/serviceaccount';

class Refused extends Error {}

function variable(name, wherefrom) {
  const value = process.env[name];
  if (value) return value;
  throw new Refused(`${name} is not set: ${wherefrom}`);
}

function accountFile(name) {
  try {
    return readFileSync(`${ACCOUNT}/${name}`, 'utf8').trim();
  } catch (error) {
    throw new Refused(
      `the service account's ${name} cannot be read (${error.message}): the pod needs one, with automountServiceAccountToken`,
    );
  }
}

function readTarget() {
  const role = variable('HOLDFAST_ROLE', 'a node sets it for its hooks');
  const pod = process.env.POD_NAME || variable('HOLDFAST_NODE', 'a node sets it for its hooks');
  const namespace = encodeURIComponent(accountFile('namespace'));
  return {
    role: role === 'live' ? 'live' : 'backup',
    pod,
    options: {
      method: 'PATCH',
      host: variable('KUBERNETES_SERVICE_HOST', 'Kubernetes sets it in every pod'),
      port: variable('KUBERNETES_SERVICE_PORT', 'Kubernetes sets it in every pod'),
      path: `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(pod)}`,
      ca: accountFile('ca.crt'),
      headers: {
        authorization: `Bearer ${accountFile('token')}`,
        'content-type': 'application/merge-patch+json',
        accept: 'application/json',
      },
    },
  };
}

/** Resolves with the status code and what the API server says of it. */
function send(options, body, limitMs) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limitMs);
    const patch = request({ ...options, signal, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, said: reasonIn(text) }));
    });
    patch.on('error', (error) =>
      reject(signal.aborted ? new Error(`no answer within ${limitMs} ms`) : error),
    );
    patch.end(body);
  });
}

/** The API server answers with a Status, and what stands before it with anything. */
function reasonIn(text) {
  try {
    return JSON.parse(text).message ?? '';
  } catch {
    return text.slice(0, 200);
  }
}

/** Null when it is done; else why it is not, and may be tried again. */
async function attempt(options, body, limitMs) {
  let answer;
  try {
    answer = await send(options, body, limitMs);
  } catch (error) {
    return error.message;
  }
  const { status, said } = answer;
  if (status >= 200 && status < 300) return null;
  const sentence = `the API server answers ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 429 || status >= 500) return sentence;
  const hint =
    status === 401 || status === 403 ? ' (deploy/kubernetes/rights.yaml gives the right)' : '';
  throw new Refused(sentence + hint);
}

async function labelPod() {
  const { role, pod, options } = readTarget();
  const body = JSON.stringify({ metadata: { labels: { [LABEL]: role } } });
  const deadline = performance.now() + LIMIT_MS;
  let pauseMs = FIRST_PAUSE_MS;
  for (let attempts = 1; ; attempts += 1) {
    const leftMs = Math.ceil(deadline - performance.now());
    const trouble = await attempt(options, body, Math.max(1, Math.min(REQUEST_LIMIT_MS, leftMs)));
    if (trouble === null) return `pod ${pod} is labelled ${LABEL}=${role}`;
    if (performance.now() + pauseMs >= deadline) {
      throw new Refused(`given up after ${attempts} attempts in ${LIMIT_MS / 1000} s: ${trouble}`);
    }
    await delay(pauseMs);
    pauseMs *= 2;
  }
}

try {
  console.log(await labelPod());
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`the label ${LABEL} was not written: ${error.message}`);
  process.exitCode = 1;
}
