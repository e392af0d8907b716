import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../../lib/package-files.ts';

const PROGRAM = 'workers/ansible';
const cache = mkdtempSync(join(tmpdir(), 'mayfly-mypy-'));
afterAll(() => rmSync(cache, { recursive: true }));

function run(program: string, words: string[]) {
  return spawnSync(program, words, { cwd: packageRoot, encoding: 'utf8' });
}

/** Settings are in pyproject.toml: strict, and for the oldest supported Python. */
test.for([
  ['mypy', ['--cache-dir', cache]],
  ['black', ['--check', '--quiet']],
] as const)('%s finds nothing in the Ansible worker', ([tool, options], { skip }) => {
  const { error, status, stdout, stderr } = run(tool, [...options, PROGRAM]);
  skip(error !== undefined, `needs ${tool} (Debian: the package ${tool})`);
  expect({ status, told: `${stdout}${stderr}` }).toEqual({
    status: 0,
    told: tool === 'mypy' ? expect.stringMatching(/^Success/) : '',
  });
});

test('Python 3.9 can parse it', () => {
  const files = [join(PROGRAM, 'mayfly-ansible'), ...globSync(`${PROGRAM}/**/*.py`, { cwd: packageRoot })];
  const parse =
    'import ast, sys\nfor n in sys.argv[1:]: ast.parse(open(n).read(), n, feature_version=(3, 9))';
  expect(files.length).toBeGreaterThan(10);
  expect(run('python3', ['-c', parse, ...files])).toMatchObject({ status: 0, stderr: '' });
});
