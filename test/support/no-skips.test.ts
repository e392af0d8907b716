import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Runs the fixture, which has a test that passes and one that is skipped. */
function run(...args: string[]) {
  const options = ['run', '--root', 'test/fixtures/skipping', ...args];
  return execa('vitest', options, { preferLocal: true, cwd: ROOT, reject: false, all: true });
}

it('fails a run in CI because of a skipped test, and names the test and the reason', async () => {
  const { exitCode, all } = await run('--reporter', join(ROOT, 'test/support/no-skips.ts'));
  expect(all).toContain('skipping.fixture.ts > lacks a tool: needs a tool');
  expect(exitCode).toBe(1);
});

it('accepts a skipped test elsewhere', async () => {
  const { exitCode, all } = await run();
  expect(exitCode, all).toBe(0);
});
