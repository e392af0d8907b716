import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../lib/package-files.ts';
import { lintOptions } from './lint-options.ts';

const home = mkdtempSync(join(tmpdir(), 'mayfly-ansible-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const directory = join(packageRoot, 'ansible');
const examples = globSync('examples/**/*.yml', { cwd: packageRoot }).map((file) => join(packageRoot, file));

function run(program: string, ...words: string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: directory,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
  });
  return { missing: error !== undefined, status, output: `${stdout}${stderr}` };
}

test("ansible-lint's production profile finds nothing in playbook, role and examples", ({ skip }) => {
  const version = run('ansible-lint', '--version');
  if (version.missing) skip('needs ansible-lint (Debian: the package ansible-lint)');
  const options = lintOptions(version.output, home);
  const { status, output } = run('ansible-lint', ...options, 'local.yml', 'roles', ...examples);
  expect({ status, output }).toEqual({ status: 0, output: '' });
}, 120_000);

test('the documented default of each variable of the role is its default', () => {
  const read = (file: string) =>
    parse(readFileSync(join(directory, 'roles/mayfly_agent', file), 'utf8')) as Record<string, unknown>;
  const specification = read('meta/argument_specs.yml') as {
    argument_specs: { main: { options: Record<string, { default?: unknown; required?: true }> } };
  };
  const options = Object.entries(specification.argument_specs.main.options);
  const documented = options.filter(([, option]) => !option.required);
  expect(Object.fromEntries(documented.map(([name, option]) => [name, option.default]))).toEqual(
    read('defaults/main.yml'),
  );
});

test('ansible parses the playbook, its role and the specification of the role', ({ skip }) => {
  if (run('ansible-playbook', '--version').missing)
    skip('needs ansible-playbook (Debian: the package ansible-core)');
  const { status, output } = run('ansible-playbook', '--syntax-check', '-i', 'localhost,', 'local.yml');
  expect(output).toContain('playbook: local.yml');
  expect(status).toBe(0);
});
