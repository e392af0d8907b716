import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Try } from '../../../jobs/record.ts';
import { logPrefix } from '../../../store/bucket-keys.ts';
import { type TestQueue, testQueues } from '../../support/test-queue.ts';
import { takeSeat } from './calls.ts';
import { isForged } from './forgery.ts';
import type { Rules } from './judge.ts';
import { playStep, type Step, steps } from './steps.ts';
import { BUCKET, type Seats, World } from './world.ts';

/**
 * Runs a number of interleavings of agents, an operator and the keeper: `const play = openLifecycle()` at the head of a
 * file.
 */
export function openLifecycle(): (runs: number) => Promise<void> {
  const open = testQueues();
  let bench: TestQueue;
  let seats: Seats;
  let made = 0;
  beforeAll(async () => {
    bench = await open();
    await bench.cloud.call('s3', 'CreateBucket', { Bucket: BUCKET });
    seats = takeSeats(bench.cloud.region);
  });
  afterAll(() => {
    for (const { clients } of [...Object.values(seats.agents), seats.operator, seats.keeper])
      clients.destroy();
  });
  const property = fc.asyncProperty(rules, recorded, steps, (how, jobs, played) => {
    made += 1;
    return play(
      bench,
      new World(`${made}`, how, seats),
      jobs.map((one, index) => [`life-${made}-${index}`, one]),
      played,
    );
  });
  return (runs) => fc.assert(property, { numRuns: runs, examples: FOUND });
}

/** Interleavings that failed once. */
const FOUND: [Rules, boolean[], Step[]][] = [
  // The clock of the agent that has the job is two minutes slow, so that its lease seemed to have expired.
  [
    { maxAttempts: 2, retryTimedOut: false, limitSeconds: 30 },
    [false],
    [
      { do: 'deliver', nth: 1 },
      { do: 'answer-all' },
      { do: 'redeliver', nth: 0 },
      { do: 'deliver', nth: 0 },
      { do: 'answer-all' },
    ],
  ],
  // A claim is answered when its lease in the table is over, and its message was received anew meanwhile: by this agent,
  // and then by another.
  [
    { maxAttempts: 2, retryTimedOut: false, limitSeconds: 30 },
    [false],
    [
      { do: 'cut', nth: 1 },
      { do: 'deliver', nth: 0 },
      { do: 'wait', seconds: 61 },
      { do: 'deliver', nth: 0 },
      { do: 'answer-all' },
      { do: 'cut', nth: 1 },
      { do: 'wait', seconds: 5 },
      { do: 'redeliver', nth: 0 },
      { do: 'deliver', nth: 1 },
      { do: 'answer-all' },
    ],
  ],
  // The message of a running job is received anew by its agent, whose renewals have not reached the table.
  [
    { maxAttempts: 2, retryTimedOut: false, limitSeconds: 300 },
    [false],
    [
      { do: 'deliver', nth: 0 },
      { do: 'answer-all' },
      { do: 'wait', seconds: 20 },
      { do: 'wait', seconds: 20 },
      { do: 'redeliver', nth: 0 },
      { do: 'deliver', nth: 0 },
      { do: 'wait', seconds: 20 },
      { do: 'wait', seconds: 1 },
      { do: 'redeliver', nth: 0 },
      { do: 'deliver', nth: 1 },
      { do: 'answer-all' },
    ],
  ],
];

const rules: fc.Arbitrary<Rules> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 2 }),
  retryTimedOut: fc.boolean(),
  // Shorter than a lease, and longer.
  limitSeconds: fc.constantFrom(30, 300),
});

/** For each job, whether it has a record before any agent has seen it. */
const recorded = fc.array(fc.boolean(), { minLength: 1, maxLength: 2 });

function takeSeats(region: string): Seats {
  const seat = (caller: string) => takeSeat(region, caller);
  return {
    agents: { a: seat('a'), b: seat('b'), c: seat('c') },
    operator: seat('operator'),
    keeper: seat('keeper'),
  };
}

async function play(
  bench: TestQueue,
  world: World,
  jobs: readonly [message: string, recorded: boolean][],
  played: readonly Step[],
): Promise<void> {
  for (const [message, isRecorded] of jobs) await world.send(message, isRecorded);
  const ids = jobs.map(([message]) => `m-${message}`);
  for (const step of played) {
    await playStep(world, ids, step);
    expect(world.judge.faults).toEqual([]);
  }
  await world.heal();
  const kept = {
    recordOf: (job: string) => bench.table.get(job),
    logOf: (job: string, one: Try) => logOf(bench, job, one),
  };
  const deadLetters = world.queue.deadLetters.filter(({ body }) => !isForged(body)).map(({ job }) => job);
  await world.judge.judgeEnd(world.runs, deadLetters, kept);
  expect(world.judge.faults).toEqual([]);
}

/** The standard output of a try as it is kept: in the record, or in the bucket, chunk by chunk. */
async function logOf(bench: TestQueue, job: string, one: Try): Promise<string> {
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
