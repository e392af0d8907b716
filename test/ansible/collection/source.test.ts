import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../lib/package-files.ts';
import { lintOptions } from '../lint-options.ts';

const COLLECTIONS = join(packageRoot, 'ansible');
const FLEET = join(COLLECTIONS, 'ansible_collections/mayfly/fleet');
const MODULES = ['job', 'job_status', 'job_wait', 'request'];

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
  ] as const)('has nothing that %s finds', ([tool, options], { skip }) => {
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

  test("has nothing that ansible-lint's production profile finds", ({ skip }) => {
    const version = run('ansible-lint', ['--version']);
    if (version.missing) skip('needs ansible-lint (Debian: the package ansible-lint)');
    const { status, output } = run('ansible-lint', [...lintOptions(version.output, home), '.']);
    expect({ status, output }).toEqual({ status: 0, output: '' });
  }, 120_000);

  test('can be parsed by Python 3.9', () => {
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

  test('can be built and installed like any collection', () => {
    const elsewhere = join(home, 'installed');
    const source = join(home, 'source');
    cpSync(FLEET, source, { recursive: true });
    mkdirSync(join(source, 'tests/output'));
    writeFileSync(join(source, 'tests/output/left'), 'by ansible-test');
    const galaxy = (...words: string[]) => run('ansible-galaxy', ['collection', ...words], home);
    expect(galaxy('build', source)).toMatchObject({ status: 0 });
    const [built = ''] = globSync('mayfly-fleet-*.tar.gz', { cwd: home });
    expect(galaxy('install', '--offline', '--force', '-p', elsewhere, join(home, built))).toMatchObject({
      status: 0,
      output: expect.stringContaining('was installed successfully'),
    });
    const installed = join(elsewhere, 'ansible_collections/mayfly/fleet');
    expect(globSync('plugins/action/*.py', { cwd: installed })).toHaveLength(MODULES.length);
    const files = readdirSync(installed);
    expect(files).toEqual(expect.arrayContaining(['CHANGELOG.md', 'LICENSE', 'README.md', 'MANIFEST.json']));
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toBe(
      readFileSync(join(packageRoot, 'LICENSE'), 'utf8'),
    );
    expect(readdirSync(join(installed, 'tests'))).not.toContain('output');
  });

  test('has the version of the command that it runs, and an entry for it in the changelog', () => {
    const version = (
      JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
    ).version;
    const text = (name: string) => readFileSync(join(FLEET, name), 'utf8');
    expect(text('galaxy.yml')).toContain(`\nversion: ${version}\n`);
    expect(text('CHANGELOG.md')).toContain(`\n## ${version}\n`);
  });
});
