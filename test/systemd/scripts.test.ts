import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';

const scripts = [
  ...globSync(['infra/**/*.sh', 'ansible/*.sh', 'systemd/*.sh', 'local/machines/*.sh', 'examples/**/*.sh'], {
    cwd: packageRoot,
  }),
  '.ci/run',
  'workers/hello',
  'examples/dictionary/define',
  'test/fixtures/worker/set-up',
  'test/fixtures/aws-worker/ask',
].sort();

const missing = spawnSync('shellcheck', ['--version']).error !== undefined;

test.for(scripts)('shellcheck finds nothing in %s', (script, { skip }) => {
  if (missing) skip('needs shellcheck (Debian: the package shellcheck)');
  const { stdout, stderr } = spawnSync('shellcheck', ['--external-sources', '--color=never', script], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  expect(stdout + stderr).toBe('');
});
