import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSetup } from '../../infra/instance/setup.ts';
import { packageRoot } from '../../lib/package-files.ts';
import { VAULT_PASSWORD, vaultValue } from '../support/vault.ts';

const ANSIBLE = join(packageRoot, 'ansible');
const TASKS = join(ANSIBLE, 'roles/mayfly_agent/tasks/setup.yml');
const MINUTES = 60_000;

const base = mkdtempSync(join(tmpdir(), 'mayfly-set-up-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const missing = spawnSync('/usr/bin/ansible-playbook', ['--version']).error !== undefined;

/** Appends a line to a file, so that a second run is visible. */
const mark = (name: string) => ({ name: 'Mark', 'ansible.builtin.shell': `echo once >>${join(base, name)}` });

/** Owners' set-ups, by their path in the worker directory. JSON is YAML. */
const SETUPS: Record<string, string> = {
  'set up/install.sh': `#!/bin/sh\npwd; cat notes; echo more >&2; echo once >>${join(base, 'script')}\n`,
  'setup.yml': JSON.stringify([mark('tasks')]),
  'roles/ours/tasks/main.yml': JSON.stringify([mark('role')]),
  'site.yaml': JSON.stringify([{ hosts: 'localhost', gather_facts: false, tasks: [mark('playbook')] }]),
  'tagged.yml': `- name: Write what tags mean
  ansible.builtin.copy:
    content: "{{ secret }}, {{ raw }}"
    dest: ${join(base, 'tagged')}
    mode: "0600"
  vars:
    secret: ${vaultValue('      ')}
    raw: !unsafe "{{ no variable }}"
`,
  'needy.yml': JSON.stringify([
    { 'ansible.builtin.include_role': { name: 'ours.tools.marker' } },
    { 'ansible.builtin.include_role': { name: 'alone' } },
  ]),
  'broken/install': '#!/bin/sh\necho no licence\nexit 3\n',
  'broken/setup.yml': JSON.stringify([{ name: 'Buy it', 'ansible.builtin.fail': { msg: 'no money' } }]),
  'broken/site.yml': JSON.stringify([{ hosts: 'localhost', tasks: [{ fail: { msg: 'no' } }] }]),
};

/** The requirements of one of them: a collection and a role in the worker directory. */
const NEEDED: Record<string, string> = {
  'requirements.yml': `collections:
  - name: ./tools
    type: dir
roles:
  - src: ./alone.tar.gz
    name: alone
`,
  'tools/galaxy.yml': 'namespace: ours\nname: tools\nversion: 1.0.0\nreadme: README.md\nauthors: [us]\n',
  'tools/README.md': 'Ours.\n',
  'tools/roles/marker/tasks/main.yml': JSON.stringify([mark('collection')]),
  'alone/meta/main.yml': JSON.stringify({ galaxy_info: { author: 'us' }, dependencies: [] }),
  'alone/tasks/main.yml': JSON.stringify([mark('alone')]),
};

/** A run of the role's tasks for the owner's set-up, with its own state directory. */
interface Run {
  setup: string;
  /** The version of the tree. */
  key?: string;
}

const RUNS: Run[] = [
  { setup: 'set up/install.sh' },
  { setup: 'set up/install.sh' },
  { setup: 'set up/install.sh', key: 'next' },
  { setup: 'tagged.yml' },
  { setup: 'needy.yml' },
  ...['setup.yml', 'roles/ours', 'site.yaml'].flatMap((setup) => [{ setup }, { setup }]),
  ...['broken/install', 'broken/setup.yml', 'broken/site.yml'].map((setup) => ({ setup })),
];

const stateOf = (setup: string) => join(base, 'state', setup.replaceAll('/', '-'));
const read = (name: string) => readFileSync(join(base, name), 'utf8');

const WORKERS = join(base, 'tree/worker');
const ENVIRONMENT = { PATH: '/usr/bin:/bin', HOME: base, LC_ALL: 'C.UTF-8' };

/** Writes the deployment file of a machine. */
function deploymentOf({ setup, key = 'first' }: Run): string {
  const judged = readSetup('WorkerFleet', WORKERS, { setup, setupVaultPassword: {} });
  const file = join(base, `${setup.replaceAll('/', '-')}-${key}.json`);
  writeFileSync(file, JSON.stringify({ key, node: {}, setup: judged?.path, setupKind: judged?.kind }));
  return file;
}

function taskOf(run: Run) {
  const { setup } = run;
  const vars = { mayfly_agent_deployment: deploymentOf(run), mayfly_agent_state: stateOf(setup) };
  const failed = { content: '{{ ansible_failed_result.msg }}', dest: `${stateOf(setup)}/failed` };
  return {
    block: [{ 'ansible.builtin.include_tasks': TASKS, vars }],
    rescue: [{ 'ansible.builtin.copy': failed }],
  };
}

/** Runs the part of the boot script that installs the requirements of a set-up, with `ansible-galaxy`. */
function installRequirements(): string {
  const lines = [
    'set -eu',
    `. ${join(packageRoot, 'systemd/aws.sh')}`,
    'step() { :; }',
    `tree=${join(base, 'tree')} tree_json=${join(base, 'tree.json')}`,
    `. ${join(ANSIBLE, 'prepare-setup.sh')}`,
  ];
  writeFileSync(join(base, 'tree.json'), JSON.stringify({ setupRequirements: 'requirements.yml' }));
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', lines.join('\n')], {
    env: ENVIRONMENT,
    encoding: 'utf8',
  });
  return `ansible-galaxy: ${status}\n${stdout}${stderr}`;
}

beforeAll(() => {
  if (missing) return;
  for (const [path, content] of Object.entries({ ...SETUPS, ...NEEDED, notes: 'a note\n' })) {
    const file = join(WORKERS, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  }
  spawnSync('tar', ['-czf', 'alone.tar.gz', 'alone'], { cwd: WORKERS });
  const installed = installRequirements();
  writeFileSync(join(base, 'password'), `${VAULT_PASSWORD}\n`);
  for (const { setup } of RUNS) mkdirSync(stateOf(setup), { recursive: true });
  const [{ vars }] = parse(readFileSync(join(ANSIBLE, 'local.yml'), 'utf8')) as [{ vars: object }];
  const play = {
    hosts: 'localhost',
    connection: 'local',
    gather_facts: false,
    vars: { ...vars, mayfly_agent_tree: join(base, 'tree'), mayfly_agent_setup_log: join(base, 'log') },
    tasks: RUNS.map(taskOf),
  };
  writeFileSync(join(base, 'play.yml'), JSON.stringify([play]));
  const { stdout, stderr } = spawnSync(
    '/usr/bin/ansible-playbook',
    ['-i', 'localhost,', join(base, 'play.yml')],
    { env: { ...ENVIRONMENT, ANSIBLE_VAULT_PASSWORD_FILE: join(base, 'password') }, encoding: 'utf8' },
  );
  writeFileSync(join(base, 'output'), installed + stdout + stderr);
}, 10 * MINUTES);

test('a script runs in the worker directory, once for each version of the tree, and its output is shown', ({
  skip,
}) => {
  if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
  expect(read('script'), read('output')).toBe('once\nonce\n');
  const shown = JSON.stringify([join(base, 'tree/worker'), 'a note', 'more']);
  expect(read('output').replaceAll(/\s/g, '')).toContain(shown.replaceAll(/\s/g, ''));
  expect(statSync(join(base, 'log')).mode & 0o777).toBe(0o640);
});

test.for([
  ['a file of tasks', 'tasks'],
  ['a role', 'role'],
  ['a playbook', 'playbook'],
])('%s runs once, as its kind requires', ([, name = ''], { skip }) => {
  if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
  expect(read(name), read('output')).toBe('once\n');
});

test('a value of a vault is decrypted, and an unsafe value is not templated', ({ skip }) => {
  if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
  expect(read('tagged'), read('output')).toBe('the secret, {{ no variable }}');
});

test('the required collections and roles are installed', ({ skip }) => {
  if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
  expect(read('collection'), read('output')).toBe('once\n');
  expect(read('alone'), read('output')).toBe('once\n');
});

test.for<[kind: string, setup: string, how: RegExp]>([
  ['a script', 'broken/install', /^The owner's set-up broken\/install failed in "Run .*": no licence$/],
  [
    'a file of tasks',
    'broken/setup.yml',
    /^The owner's set-up broken\/setup.yml failed in "Buy it": no money$/,
  ],
  ['a playbook', 'broken/site.yml', /^The owner's set-up broken\/site.yml failed in .*fatal.*"no"/],
])(
  '%s that fails is reported with its name and its message, and can run again',
  ([, setup, how], { skip }) => {
    if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
    expect(readFileSync(join(stateOf(setup), 'failed'), 'utf8'), read('output')).toMatch(how);
    expect(existsSync(join(stateOf(setup), 'setup'))).toBe(false);
  },
);
