import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logPrefix } from '../../jobs/log-layout.ts';
import type { Try } from '../../jobs/record.ts';
import { type Bench, openBench } from '../agent/queue.ts';
import { takeSeat } from './lifecycle/calls.ts';
import type { Rules } from './lifecycle/judge.ts';
import { playStep, type Step, steps } from './lifecycle/steps.ts';
import { BUCKET, type Seats, World } from './lifecycle/world.ts';

/** How many interleavings are played: `LIFECYCLE_RUNS=5000` for a night's. */
const RUNS = Number(process.env['LIFECYCLE_RUNS'] ?? 60);

const open = openBench();
let bench: Bench;
let seats: Seats;
let made = 0;

beforeAll(async () => {
  bench = await open();
  await bench.cloud.call('s3', 'CreateBucket', { Bucket: BUCKET });
  const seat = (caller: string) => takeSeat(bench.cloud.region, caller);
  seats = {
    agents: { a: seat('a'), b: seat('b'), c: seat('c') },
    operator: seat('operator'),
    keeper: seat('keeper'),
  };
});

afterAll(() => {
  for (const { clients } of [...Object.values(seats.agents), seats.operator, seats.keeper]) clients.destroy();
});

/** All that is kept of what a try printed to stdout: in the record, or in the bucket, chunk by chunk. */
async function logOf(job: string, one: Try): Promise<string> {
  if (one.log?.stdout.text !== undefined) return one.log.stdout.text;
  const { s3: client } = bench.clients;
  const Prefix = `${logPrefix(job, one.key)}stdout/`;
  let log = '';
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: BUCKET, Prefix })) {
    for (const { Key } of Contents) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
      log += await Body?.transformToString();
    }
  }
  return log;
}

async function play(rules: Rules, recorded: readonly boolean[], played: readonly Step[]): Promise<void> {
  const name = `${++made}`;
  const world = new World(name, rules, seats);
  const jobs = recorded.map((_, index) => `life-${name}-${index}`);
  for (const [index, job] of jobs.entries()) await world.send(job, recorded[index] ?? false);
  for (const step of played) {
    await playStep(
      world,
      jobs.map((job) => `m-${job}`),
      step,
    );
    expect(world.judge.faults).toEqual([]);
  }
  await world.heal();
  const kept = { recordOf: (job: string) => bench.table.get(job), logOf };
  await world.judge.judgeEnd(world.runs, world.queue.deadLetters, kept);
  expect(world.judge.faults).toEqual([]);
}

test('whatever happens in whatever order: a job ends once, and table, queue and log agree', {
  timeout: 30_000 + RUNS * 3000,
}, async () => {
  const rules = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 2 }),
    retryTimedOut: fc.boolean(),
    // Shorter than a lease, and longer.
    limitSeconds: fc.constantFrom(30, 300),
  });
  const recorded = fc.array(fc.boolean(), { minLength: 1, maxLength: 2 });
  await fc.assert(fc.asyncProperty(rules, recorded, steps, play), { numRuns: RUNS });
});
