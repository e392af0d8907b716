import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isRunning } from '../support/processes.ts';
import { expectSound, fleets } from '../support/suite.ts';

const startFleet = fleets();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

it('launches instances for jobs, runs the jobs, and terminates the instances', async () => {
  const fleet = await startFleet();
  const jobs = await fleet.send(...Array.from({ length: 8 }, () => ({ sleepMs: 200 })));
  for (const job of jobs) await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { succeeded: 8, runs: 8 });
});

it('runs the same body twice as two jobs', async () => {
  const fleet = await startFleet();
  const jobs = await fleet.send('the same', 'the same');
  expect(new Set(jobs).size).toBe(2);
  await fleet.backToZero();
  await expectSound(fleet, { succeeded: 2, runs: 2 });
});

it('passes every character that SQS allows to the worker, and a body of blanks', async () => {
  const fleet = await startFleet();
  const bodies = [allCharacters(), ' \n\t ', '{"broken": ', '-rf', 'x'.repeat(1_048_576)];
  const jobs: string[] = [];
  for (const body of bodies) jobs.push(...(await fleet.send(body)));
  await fleet.backToZero();
  for (const [index, job] of jobs.entries()) {
    const start = (await fleet.event('start', job)) as { sha256?: string };
    expect(start.sha256).toBe(sha256(bodies[index] ?? ''));
  }
  await expectSound(fleet, { succeeded: bodies.length, runs: bodies.length });
}, 180_000);

it('retries a failed job, and dead-letters one that always fails, with the reason', async () => {
  const fleet = await startFleet();
  const [twice = '', hopeless = ''] = await fleet.send({ failAttempts: 1 }, { exit: 65 });
  await fleet.event('end', twice, 2);
  await fleet.backToZero();
  const { notes } = await expectSound(fleet, { succeeded: 1, deadLettered: 1, runs: 3 });
  expect(notes).toEqual([`job ${twice} ran again: attempt 1 ended with status 1`]);
  expect((await fleet.event('end', hopeless)).status).toBe(65);
}, 180_000);

const SHORT_LIMIT = { limit: Duration.seconds(5) };

it('ends a job that runs past its limit, ignores SIGTERM and leaves a grandchild', async () => {
  const fleet = await startFleet(SHORT_LIMIT);
  const [job = ''] = await fleet.send({ sleepMs: 60_000, ignoreSigterm: true, grandchild: true });
  await fleet.event('start', job);
  const grandchild = await eventually(
    'the grandchild',
    async () =>
      Number(await readFile(join(fleet.directory, 'journal.jsonl.pids'), 'utf8').catch(() => '')) ||
      undefined,
  );
  await fleet.backToZero();
  expect(isRunning(grandchild)).toBe(false);
  await expectSound(fleet, { succeeded: 0, deadLettered: 1, runs: 1 });
}, 180_000);

/** All code points below 64 Ki that SQS allows, and some above. */
function allCharacters(): string {
  const allowed = [0x9, 0xa, 0xd];
  for (let code = 0x20; code <= 0xfffd; code++) if (code < 0xd800 || code > 0xdfff) allowed.push(code);
  allowed.push(0x10000, 0x1f600, 0x10ffff);
  return allowed.map((code) => String.fromCodePoint(code)).join('');
}
