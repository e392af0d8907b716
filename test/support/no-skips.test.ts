import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Runs the fixture, which has a test that passes and one that is skipped, as CI or as a developer would. */
function run(...words: string[]) {
  const options = ['run', '--root', 'test/fixtures/skipping', ...words];
  return execa('vitest', options, { preferLocal: true, cwd: ROOT, reject: false, all: true });
}

it('fails a run in CI for a skipped test, and says which and why', async () => {
  const { exitCode, all } = await run('--reporter', join(ROOT, 'test/support/no-skips.ts'));
  expect(all).toContain('skipping.fixture.ts > lacks a tool: needs a tool');
  expect(exitCode).toBe(1);
});

it('lets a test be skipped elsewhere', async () => {
  const { exitCode, all } = await run();
  expect(exitCode, all).toBe(0);
});
