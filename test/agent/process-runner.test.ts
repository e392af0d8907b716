import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProcessRunner } from '../../agent/process-runner.ts';
import type { Run } from '../../agent/runner.ts';
import { systemClock } from '../../aws/clock.ts';
import { eventually } from '../support/eventually.ts';
import { isRunning } from './queue.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-runner-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function runnerOf(...command: [string, ...string[]]) {
  const environment = { PATH: process.env['PATH'] ?? '' };
  const runner = new ProcessRunner({ command, environment, directory, clock: systemClock });
  await runner.check();
  return runner;
}

async function start(script: string, stdin = '', argument?: string): Promise<Run> {
  const runner = await runnerOf('sh', '-c', script, 'worker');
  return runner.start({ stdin, argument, variables: {} });
}

test.each([
  ['exit 0', { kind: 'exited', status: 0 }],
  ['exit 75', { kind: 'exited', status: 75 }],
  ['kill -KILL $$', { kind: 'signalled', signal: 'SIGKILL' }],
  [
    'echo out; echo err >&2',
    { kind: 'exited', status: 0, output: expect.stringMatching(/^(out\nerr|err\nout)\n$/) },
  ],
])('%s', async (script, end) => {
  const run = await start(script);
  expect(await run.ended).toMatchObject({ stopped: false, ...end });
});

test('a worker in the background that holds the output does not hold the job, and is killed', async () => {
  const startMs = performance.now();
  const run = await start('sleep 600 & echo $!');
  const end = await run.ended;
  expect(performance.now() - startMs).toBeLessThan(5000);
  const pid = Number(end.kind === 'exited' ? end.output : Number.NaN);
  await eventually('the background process to be gone', async () => !(await isRunning(pid)));
});

test('one that let go of the output is killed as well', async () => {
  const run = await start('sleep 600 > /dev/null 2>&1 & echo $!');
  const end = await run.ended;
  const pid = Number(end.kind === 'exited' ? end.output : Number.NaN);
  await eventually('the background process to be gone', async () => !(await isRunning(pid)));
});

test('much output is read to its end and kept in part', async () => {
  const run = await start('head -c 50000000 /dev/zero | tr "\\0" x; echo end');
  const end = await run.ended;
  if (end.kind !== 'exited') throw new Error(end.kind);
  expect(end.output).toMatch(/^\[\.\.\.\] x+end\n$/);
  expect(end.output.length).toBeLessThan(5000);
});

test('a worker that ends on SIGTERM within its grace says how it ended, and that it was stopped', async () => {
  const run = await start('trap "exit 7" TERM; touch ready; sleep 600 & wait');
  await eventually('the trap', () => existsSync(join(directory, 'ready')));
  run.stop(20_000);
  expect(await run.ended).toMatchObject({ kind: 'exited', status: 7, stopped: true });
});

test('an exit that has happened before the stop is the own one of the worker', async () => {
  const run = await start('touch over');
  // The event loop is busy with something else while the process ends: its end is reported after the stop.
  while (!existsSync(join(directory, 'over')));
  for (const untilMs = performance.now() + 200; performance.now() < untilMs; );
  run.stop(1000);
  expect(await run.ended).toMatchObject({ kind: 'exited', status: 0, stopped: false });
});

test('a stop after the end is harmless', async () => {
  const run = await start('exit 0');
  await run.ended;
  run.stop(0);
  run.stop(10);
});

test('a body is not left on the disk, and no worker outlives its runner', async () => {
  const files = async () => (await readdir(tmpdir())).filter((name) => /^mayfly-[0-9a-f]{8}-/.test(name));
  const before = new Set(await files());
  const runner = await runnerOf('sleep', '600');
  const run = runner.start({ stdin: 'secret', argument: undefined, variables: {} });
  expect((await files()).filter((name) => !before.has(name))).toEqual([]);
  runner.close();
  expect(await run.ended).toMatchObject({ kind: 'signalled', signal: 'SIGKILL' });
});

test('a program that is gone since the check is a worker that was not started', async () => {
  const runner = new ProcessRunner({
    command: ['sleep', '0'],
    environment: { PATH: process.env['PATH'] ?? '' },
    directory: join(directory, 'gone'),
    clock: systemClock,
  });
  await runner.check();
  const run = runner.start({ stdin: '', argument: undefined, variables: {} });
  expect(await run.ended).toEqual({ kind: 'not-started', reason: expect.stringContaining('ENOENT') });
});
