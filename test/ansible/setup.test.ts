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
import { packageRoot } from '../../infra/package-files.ts';

const TASKS = join(packageRoot, 'ansible/roles/mayfly_agent/tasks/setup.yml');
const MINUTES = 60_000;

const base = mkdtempSync(join(tmpdir(), 'mayfly-set-up-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const missing = spawnSync('/usr/bin/ansible-playbook', ['--version']).error !== undefined;

/** Appends a line to a file, so that a second run shows. */
const mark = (name: string) => ({ name: 'Mark', 'ansible.builtin.shell': `echo once >>${join(base, name)}` });

/** Owners' set-ups, by their path in the worker directory. JSON is YAML. */
const SETUPS: Record<string, string> = {
  'set up/install.sh': `#!/bin/sh\npwd; cat notes; echo more >&2; echo once >>${join(base, 'script')}\n`,
  'setup.yml': JSON.stringify([mark('tasks')]),
  'roles/ours/tasks/main.yml': JSON.stringify([mark('role')]),
  'site.yaml': JSON.stringify([{ hosts: 'localhost', gather_facts: false, tasks: [mark('playbook')] }]),
  'broken/install': '#!/bin/sh\necho no licence\nexit 3\n',
  'broken/setup.yml': JSON.stringify([{ name: 'Buy it', 'ansible.builtin.fail': { msg: 'no money' } }]),
  'broken/site.yml': JSON.stringify([{ hosts: 'localhost', tasks: [{ fail: { msg: 'no' } }] }]),
};

/** A run of the role's part that runs the owner's set-up: on a machine of its own, if only its state is. */
interface Run {
  setup: string;
  /** The version of the tree. */
  key?: string;
}

const RUNS: Run[] = [
  { setup: 'set up/install.sh' },
  { setup: 'set up/install.sh' },
  { setup: 'set up/install.sh', key: 'next' },
  ...['setup.yml', 'roles/ours', 'site.yaml'].flatMap((setup) => [{ setup }, { setup }]),
  ...['broken/install', 'broken/setup.yml', 'broken/site.yml'].map((setup) => ({ setup })),
];

const stateOf = (setup: string) => join(base, 'state', setup.replaceAll('/', '-'));
const read = (name: string) => readFileSync(join(base, name), 'utf8');

function taskOf({ setup, key = 'first' }: Run) {
  const vars = { mayfly_agent_setup: setup, mayfly_agent_tree_key: key, mayfly_agent_state: stateOf(setup) };
  const failed = { content: '{{ ansible_failed_result.msg }}', dest: `${stateOf(setup)}/failed` };
  return {
    block: [{ 'ansible.builtin.include_tasks': TASKS, vars }],
    rescue: [{ 'ansible.builtin.copy': failed }],
  };
}

beforeAll(() => {
  if (missing) return;
  for (const [path, content] of Object.entries({ ...SETUPS, notes: 'a note\n' })) {
    const file = join(base, 'tree/worker', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  }
  for (const { setup } of RUNS) mkdirSync(stateOf(setup), { recursive: true });
  const vars = { mayfly_agent_tree: join(base, 'tree'), mayfly_agent_setup_log: join(base, 'log') };
  const play = {
    hosts: 'localhost',
    connection: 'local',
    gather_facts: false,
    vars,
    tasks: RUNS.map(taskOf),
  };
  writeFileSync(join(base, 'play.yml'), JSON.stringify([play]));
  const { stdout, stderr } = spawnSync(
    '/usr/bin/ansible-playbook',
    ['-i', 'localhost,', join(base, 'play.yml')],
    { env: { PATH: '/usr/bin:/bin', HOME: base, LC_ALL: 'C.UTF-8' }, encoding: 'utf8' },
  );
  writeFileSync(join(base, 'output'), stdout + stderr);
}, 10 * MINUTES);

test('a script runs in the worker directory, once for each version of the tree, and shows what it prints', ({
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
])('%s is run as one, and once', ([, name = ''], { skip }) => {
  if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
  expect(read(name), read('output')).toBe('once\n');
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
  '%s that fails is told by its name and its words, and would be tried again',
  ([, setup, how], { skip }) => {
    if (missing) skip('needs ansible-playbook (Debian: the package ansible-core)');
    expect(readFileSync(join(stateOf(setup), 'failed'), 'utf8'), read('output')).toMatch(how);
    expect(existsSync(join(stateOf(setup), 'setup'))).toBe(false);
  },
);
