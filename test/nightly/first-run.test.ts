import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { operatorEnvironment } from '../../demo/clients.ts';
import { CHECKS } from '../../first-run/checks.ts';
import { cleanUp } from '../../first-run/clean-up.ts';
import { FirstRun } from '../../first-run/run.ts';
import { startCloud } from '../../local/cloud.ts';

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

test('says how to delete a stack of which it cannot see that it is gone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-first-run-'));
  const cloud = await startCloud({ directory: join(directory, 'cloud') });
  const before = { ...process.env };
  Object.assign(process.env, operatorEnvironment(cloud));
  const { signal } = new AbortController();
  const options = { region: cloud.region, stack: 'MayflyFirstRun-1', directory, local: true, signal };
  const run = new FirstRun({ ...options, onLine: () => {} });
  onTestFinished(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    run.close();
    await cloud.close();
    await rm(directory, { recursive: true, force: true });
  });
  cloud.faults.add({
    ...{ service: 'cloudformation', action: 'DescribeStacks' },
    effect: { kind: 'error', code: 'AccessDenied', status: 403, message: 'Not you.' },
  });
  const said: string[] = [];
  await cleanUp(run, { out: join(directory, 'out'), keep: false, say: (line) => said.push(line) });
  expect(said.at(-1)).toMatch(/^The stack may still be there, and cost money \(.*Not you/s);
  expect(said.at(-1)).toContain('aws cloudformation delete-stack --stack-name MayflyFirstRun-1 --region us-east-1');
});
