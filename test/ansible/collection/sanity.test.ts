import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../../lib/package-files.ts';

const COLLECTIONS = join(packageRoot, 'ansible');
const FLEET = join(COLLECTIONS, 'ansible_collections/mayfly/fleet');
/** The checks of ansible-test. ansible-test itself would install packages from PyPI. */
const SANITY = '/usr/lib/python3/dist-packages/ansible_test/_util/controller/sanity';
const MODULES = globSync('plugins/modules/*.py', { cwd: FLEET }).sort();
const SOURCES = globSync('**/*.{py,yml}', { cwd: FLEET });

function check(script: string, words: string[], input = '') {
  const { stdout, stderr, status } = spawnSync('/usr/bin/python3', [join(SANITY, script), ...words], {
    cwd: FLEET,
    input,
    env: { PATH: '/usr/bin:/bin', ANSIBLE_COLLECTIONS_PATH: COLLECTIONS, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

/** Later versions of ansible-core have fewer of them. */
const SMELLS = [
  'action-plugin-docs',
  'line-endings',
  'no-assert',
  'no-illegal-filenames',
  'no-main-display',
  'no-smart-quotes',
  'shebang',
  'symlinks',
].filter((name) => existsSync(join(SANITY, 'code-smell', `${name}.py`)));

const ignored = () =>
  globSync('tests/sanity/ignore-*.txt', { cwd: FLEET }).map((name) =>
    readFileSync(join(FLEET, name), 'utf8'),
  );

describe.skipIf(!existsSync(SANITY))('what `ansible-test sanity` checks', () => {
  test('finds nothing in the modules except the ignored error: their licence is not the GPL', ({ skip }) => {
    if (spawnSync('/usr/bin/python3', ['-c', 'import voluptuous']).status !== 0)
      skip('needs voluptuous (Debian: the package python3-voluptuous)');
    const [, version = ''] = /^version: (\S+)$/m.exec(readFileSync(join(FLEET, 'galaxy.yml'), 'utf8')) ?? [];
    const { stdout, stderr } = check('validate-modules/validate.py', [
      ...['--format', 'json', '--arg-spec', '--warnings', '--collection-version', version],
      ...['--collection', 'ansible_collections/mayfly/fleet', ...MODULES],
    ]);
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as Record<string, Record<'errors' | 'warnings', { code: string }[]>>;
    const told = Object.entries(found).flatMap(([path, { errors, warnings }]) =>
      [...errors, ...warnings].map(({ code }) => `${path} validate-modules:${code}\n`),
    );
    expect(MODULES.length).toBeGreaterThan(2);
    expect(new Set(ignored())).toEqual(new Set([told.join('')]));
  });

  test.each(SMELLS)('%s', (name) => {
    const { stdout, stderr, status } = check(`code-smell/${name}.py`, [], SOURCES.join('\n'));
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  test('runtime-metadata', () => {
    expect(check('code-smell/runtime-metadata.py', ['meta/runtime.yml'])).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
  });

  test('yamllint', () => {
    expect(JSON.parse(check('yamllint/yamllinter.py', SOURCES).stdout)).toEqual({ messages: [] });
  });
});

test('every Python file has its copyright and licence', () => {
  const header = /^# Copyright \(c\) \d{4} The Mayfly authors\n# SPDX-License-Identifier: Apache-2\.0\n/;
  for (const name of SOURCES.filter((path) => path.endsWith('.py')))
    expect(readFileSync(join(FLEET, name), 'utf8'), name).toMatch(header);
});
