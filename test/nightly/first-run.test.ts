import { execa } from 'execa';
import { expect, test } from 'vitest';
import { CHECKS } from '../../first-run/checks.ts';

const ROOT = new URL('../..', import.meta.url);
const firstRun = () =>
  execa(process.execPath, ['first-run/main.ts', '--local', '--json'], { cwd: ROOT, reject: false });

interface Results {
  ok: boolean;
  checks: { number: number; title: string; ok: boolean; told: string }[];
}

test('makes its ten checks on the embedded cloud, in order', async () => {
  const { exitCode, stdout, stderr } = await firstRun();
  expect(exitCode, stderr).toBe(0);
  const { ok, checks } = JSON.parse(stdout) as Results;
  expect(checks.map(({ title }) => title)).toEqual(CHECKS.map(({ title }) => title));
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  expect(ok).toBe(true);
  expect(stderr).toContain('for nothing');
});

test('that is interrupted deletes what it has deployed', async () => {
  const run = firstRun();
  for await (const line of run.iterable({ from: 'stderr' })) {
    if (String(line).startsWith(` 4  ${CHECKS[3]?.title} ...`)) run.kill('SIGINT');
  }
  const { exitCode, stdout, stderr } = await run;
  expect(exitCode, stderr).toBe(1);
  const { ok, checks } = JSON.parse(stdout) as Results;
  expect(ok).toBe(false);
  expect(checks.at(-1)).toMatchObject({ number: 4, ok: false, told: expect.stringContaining('SIGINT') });
  expect(stderr).toMatch(/MayflyFirstRun-\d+: destroyed/);
});
