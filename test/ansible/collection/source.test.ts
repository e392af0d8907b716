import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../infra/package-files.ts';

const COLLECTIONS = join(packageRoot, 'ansible');
const FLEET = join(COLLECTIONS, 'ansible_collections/mayfly/fleet');
const MODULES = ['job', 'job_status', 'job_wait'];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'mayfly-collection-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(program: string, words: string[], cwd = FLEET) {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: home,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_COLLECTIONS_PATH: COLLECTIONS,
      MYPYPATH: COLLECTIONS,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    encoding: 'utf8',
  });
  return { missing: error !== undefined, status, stdout, output: `${stdout}${stderr}` };
}

describe('the collection', () => {
  test.for([
    [
      'mypy',
      ['--config-file', join(packageRoot, 'pyproject.toml'), '--explicit-package-bases', '--no-incremental'],
    ],
    ['black', ['--config', join(packageRoot, 'pyproject.toml'), '--check', '--quiet']],
  ] as const)('gives %s nothing to say', ([tool, options], { skip }) => {
    const { missing, status, output } = run(
      tool,
      [...options, 'ansible_collections/mayfly/fleet'],
      COLLECTIONS,
    );
    if (missing) skip(`needs ${tool} (Debian: the package ${tool})`);
    expect({ status, output }).toEqual({
      status: 0,
      output: tool === 'mypy' ? expect.stringMatching(/^Success/) : '',
    });
  });

  test("gives ansible-lint's production profile nothing to say", ({ skip }) => {
    if (run('ansible-lint', ['--version']).missing)
      skip('needs ansible-lint (Debian: the package ansible-lint)');
    const { status, output } = run('ansible-lint', [
      '--offline',
      '--nocolor',
      '--profile',
      'production',
      '-q',
      '.',
    ]);
    expect({ status, output }).toEqual({ status: 0, output: '' });
  }, 120_000);

  test('is what Python 3.9 reads', () => {
    const files = globSync('**/*.py', { cwd: FLEET });
    const parse =
      'import ast, sys\nfor n in sys.argv[1:]: ast.parse(open(n).read(), n, feature_version=(3, 9))';
    expect(files.length).toBeGreaterThan(MODULES.length * 2);
    expect(run('python3', ['-c', parse, ...files]).output).toBe('');
  });

  test('has an action for each module, in the group of defaults', () => {
    const names = (folder: string) => globSync(`plugins/${folder}/*.py`, { cwd: FLEET }).sort();
    expect(names('modules')).toEqual(MODULES.map((name) => `plugins/modules/${name}.py`));
    expect(names('action')).toEqual(MODULES.map((name) => `plugins/action/${name}.py`));
  });

  test('can be built and installed as any collection', () => {
    const elsewhere = join(home, 'installed');
    const source = join(home, 'source');
    cpSync(FLEET, source, { recursive: true });
    const words = ['collection', 'install', '--offline', '-p', elsewhere, source];
    const { status, output } = run('ansible-galaxy', words, home);
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining('was installed successfully'),
    });
    expect(globSync('**/plugins/action/*.py', { cwd: elsewhere })).toHaveLength(MODULES.length);
  });
});
