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
  checks: { number: number; title: string; ok: boolean; message: string }[];
}

test('the first run makes its ten checks on the embedded cloud, in order', async () => {
  const { exitCode, stdout, stderr } = await firstRun();
  expect(exitCode, stderr).toBe(0);
  const { ok, checks } = JSON.parse(stdout) as Results;
  expect(checks.map(({ title }) => title)).toEqual(CHECKS.map(({ title }) => title));
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  expect(ok).toBe(true);
  expect(stderr).toContain('costs nothing');
});

test('an interrupted run deletes its stack', async () => {
  const run = firstRun();
  for await (const line of run.iterable({ from: 'stderr' })) {
    if (String(line).startsWith(` 4  ${CHECKS[3]?.title} ...`)) run.kill('SIGINT');
  }
  const { exitCode, stdout, stderr } = await run;
  expect(exitCode, stderr).toBe(1);
  const { ok, checks } = JSON.parse(stdout) as Results;
  expect(ok).toBe(false);
  expect(checks.at(-1)).toMatchObject({ number: 4, ok: false, message: expect.stringContaining('SIGINT') });
  expect(stderr).toMatch(/MayflyFirstRun-\d+: destroyed/);
});

/** A run on a new cloud, before the deployment. */
async function open() {
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
  const said: string[] = [];
  const clean = () =>
    cleanUp(run, { out: join(directory, 'out'), keep: false, say: (line) => said.push(line) });
  return { cloud, run, said, clean };
}

test('the clean-up says how to delete a stack if it cannot see that the stack is gone', async () => {
  const { cloud, said, clean } = await open();
  cloud.faults.add({
    ...{ service: 'cloudformation', action: 'DescribeStacks' },
    effect: { kind: 'error', code: 'AccessDenied', status: 403, message: 'Not you.' },
  });
  await clean();
  expect(said.at(-1)).toMatch(/^The stack may still exist, and cost money \(.*Not you/s);
  expect(said.at(-1)).toContain(
    'aws cloudformation delete-stack --stack-name MayflyFirstRun-1 --region us-east-1',
  );
});

test('the clean-up deletes a stack after its update, which an interrupt can leave running', async () => {
  const { cloud, run, said, clean } = await open();
  const StackName = run.stack;
  const bodyWith = (VisibilityTimeout: number) =>
    JSON.stringify({
      Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout } } },
    });
  const is = (status: string) =>
    run.waitUntil(status, 60, async () => (await run.findStack())?.StackStatus === status);
  await cloud.call('cloudformation', 'CreateStack', { StackName, TemplateBody: bodyWith(30) });
  await is('CREATE_COMPLETE');
  // Longer than cdk takes until it deletes the stack.
  cloud.faults.add({
    ...{ service: 'sqs', action: 'SetQueueAttributes', caller: 'cloud' },
    effect: { kind: 'latency', ms: 60_000 },
  });
  await cloud.call('cloudformation', 'UpdateStack', { StackName, TemplateBody: bodyWith(60) });
  await is('UPDATE_IN_PROGRESS');
  await clean();
  expect(said.at(-1)).toMatch(/^Deleting the stack/);
  expect(await run.findStack()).toBeUndefined();
});

test('a deletion waits for one that is running', async () => {
  const { run } = await open();
  await expect(Promise.all([run.destroy(), run.destroy()])).resolves.toEqual([undefined, undefined]);
});
