import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const cache = mkdtempSync(join(tmpdir(), 'mayfly-mypy-'));
afterAll(() => rmSync(cache, { recursive: true }));

/** Settings are in pyproject.toml: strict, and for the oldest Python that a worker may have. */
test.for([
  ['mypy', ['--cache-dir', cache]],
  ['black', ['--check', '--quiet']],
] as const)('%s has nothing to say of the slot', ([tool, options], { skip }) => {
  const args = [...options, 'systemd/mayfly-slot'];
  const { error, status, stdout, stderr } = spawnSync(tool, args, { cwd: ROOT, encoding: 'utf8' });
  skip(error !== undefined, `needs ${tool} (Debian: the package ${tool})`);
  expect({ status, told: `${stdout}${stderr}` }).toEqual({
    status: 0,
    told: tool === 'mypy' ? expect.stringMatching(/^Success/) : '',
  });
});
