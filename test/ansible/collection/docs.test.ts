import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../lib/package-files.ts';
import { lintOptions } from '../lint-options.ts';

const COLLECTIONS = join(packageRoot, 'ansible');
const MODULES = ['job', 'job_status', 'job_wait', 'request'];
const missing = spawnSync('ansible-doc', ['--version']).error !== undefined;

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'mayfly-collection-docs-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const environment = () => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: home,
  LC_ALL: 'C.UTF-8',
  ANSIBLE_COLLECTIONS_PATH: COLLECTIONS,
  PYTHONDONTWRITEBYTECODE: '1',
});
const run = (program: string, ...words: string[]) =>
  execFileSync(program, words, { env: environment(), cwd: home, encoding: 'utf8' });

/** The parts of an option that documentation and specification share. */
interface Option {
  type: string;
  elements?: string;
  required?: boolean;
  choices?: string[];
  default?: unknown;
  options?: Record<string, Option>;
  suboptions?: Record<string, Option>;
}

interface Doc {
  doc: { options: Record<string, Option> };
  examples: string;
  return: Record<string, unknown>;
}

/** The options without their descriptions. */
function shapes(options: Record<string, Option>): object {
  return Object.fromEntries(
    Object.entries(options)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, option]) => {
        const { type, elements, required = false, choices, default: value = null } = option;
        const inner = option.options ?? option.suboptions;
        return [name, { type, elements, required, choices, value, ...(inner && { inner: shapes(inner) }) }];
      }),
  );
}

/** The specifications by which the actions check a task, loaded like Ansible loads them. */
const SPECIFICATIONS = `
import importlib, json, sys
from ansible.plugins import loader
getattr(loader, "init_plugin_loader", lambda: None)()
base = "ansible_collections.mayfly.fleet.plugins."
shared = importlib.import_module(base + "plugin_utils.fleet_action").FLEET_OPTIONS
action = lambda name: importlib.import_module(base + "action." + name).ActionModule
print(json.dumps({name: {**shared, **action(name).OPTIONS} for name in sys.argv[1:]}))`;

describe.skipIf(missing)('the documentation', () => {
  const docs = () =>
    JSON.parse(
      run('ansible-doc', '--json', '-t', 'module', ...MODULES.map((name) => `mayfly.fleet.${name}`)),
    ) as Record<string, Doc>;

  test('of the options agrees with the specification that checks tasks', () => {
    const specifications = JSON.parse(run('python3', '-c', SPECIFICATIONS, ...MODULES)) as Record<
      string,
      Record<string, Option>
    >;
    const documented = docs();
    for (const name of MODULES) {
      const options = documented[`mayfly.fleet.${name}`]?.doc.options ?? {};
      expect(shapes(options), name).toEqual(shapes(specifications[name] ?? {}));
    }
  });

  test('is rendered without a warning', () => {
    for (const name of MODULES) {
      const words = ['-t', 'module', `mayfly.fleet.${name}`];
      const { status, stdout, stderr } = spawnSync('ansible-doc', words, {
        env: environment(),
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      // Markup that this version of Ansible does not know is not rendered.
      expect(stdout).not.toMatch(/\b[A-Z]{1,2}\(/);
    }
  });

  test("has examples that Ansible parses, and in which ansible-lint's production profile finds nothing", ({
    skip,
  }) => {
    const options = { env: environment(), cwd: home, encoding: 'utf8' } as const;
    const version = spawnSync('ansible-lint', ['--version'], options);
    if (version.error) skip('needs ansible-lint (Debian: the package ansible-lint)');
    const tasks = Object.values(docs()).flatMap(
      ({ examples }) => parse(examples, { logLevel: 'error' }) as object[],
    );
    const readme = readFileSync(join(COLLECTIONS, 'ansible_collections/mayfly/fleet/README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = '']) => yaml);
    expect(tasks.length).toBeGreaterThan(10);
    expect(blocks.length).toBeGreaterThan(1);
    const indent = (yaml: string) => yaml.trim().replaceAll(/^(?=.)/gm, '    ');
    const play = (body: string) => `- name: Examples\n  hosts: localhost\n  tasks:\n${indent(body)}\n`;
    const plays = [
      ...Object.values(docs()).map(({ examples }) => play(examples)),
      ...blocks.map((yaml) => (yaml.includes('hosts:') ? yaml : play(yaml))),
    ];
    const file = join(home, 'examples.yml');
    writeFileSync(file, `---\n${plays.join('\n')}`);
    writeFileSync(join(home, 'something-else.yml'), '---\n- name: Do something\n  ansible.builtin.ping:\n');
    const { status, stdout, stderr } = spawnSync(
      'ansible-lint',
      [...lintOptions(version.stdout, home), file],
      options,
    );
    expect({ status, told: stdout + stderr }).toEqual({ status: 0, told: '' });
  }, 120_000);
});
