import { type Activity, DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { type JobView, StoreGoneError } from '../../client/index.ts';
import { assertThat, type Check } from '../check.ts';
import type { FirstRun } from '../run.ts';
import { waitForEnd } from './jobs.ts';

/** The scaling activities of the group, the newest first. */
async function activities(run: FirstRun): Promise<Activity[]> {
  const { facts } = await run.fleet();
  const { Activities = [] } = await run.clients.autoScaling.send(
    new DescribeScalingActivitiesCommand({ AutoScalingGroupName: facts.group }),
  );
  return Activities;
}

export const retirement: Check = {
  title: 'The instance goes by itself',
  commands: ['npx mayfly fleet'],
  expected:
    'No instance, none desired. The last one went as idle, by its own call, which decremented the desired capacity.',
  async run(run) {
    const fleet = await run.fleet();
    const { retired } = await run.waitUntil('no instance is left', run.timings.retireSeconds, async () => {
      const view = await fleet.describe();
      return view.instances.length === 0 && view.capacity.desired === 0 && view;
    });
    const [last] = retired;
    assertThat(
      last?.reason === 'idle' && last.rung === 'terminate',
      `it retired for the reason ${last?.reason}, by ${last?.rung}`,
    );
    const [{ Cause = '' } = {}] = await activities(run);
    assertThat(Cause.includes('user request'), `Auto Scaling gives the cause: ${Cause}`);
    return `${last?.instance} retired as idle after ${last?.jobsDone} jobs. Auto Scaling: ${Cause}`;
  },
};

export const scaleOut: Check = {
  title: 'A second start, of two instances',
  commands: ["for n in 1 2; do npx mayfly enqueue --poll 0 'sleep 300'; done", 'npx mayfly fleet --watch'],
  expected: 'Both jobs run at once, on an instance each. The scaling policy is the cause of the launches.',
  async run(run) {
    const fleet = await run.fleet();
    const since = new Set((await activities(run)).map(({ ActivityId }) => ActivityId));
    const body = `sleep ${run.timings.jobSeconds}`;
    const sent = [await fleet.enqueue(body), await fleet.enqueue(body)];
    run.running = sent.map(({ id }) => id);
    const jobs = await run.waitUntil('both jobs running', run.timings.launchSeconds, async () => {
      const found = await fleet.status(run.running);
      const ended = found.find(({ finished }) => finished);
      if (ended) throw new Error(`the job ${ended.id} was ${ended.state} before the other job ran`);
      return found.every(({ state }) => state === 'running') && found;
    });
    const instances = jobs.map(({ instance }) => instance);
    assertThat(new Set(instances).size === 2, `both jobs run on ${instances[0]}`);
    const launches = (await activities(run)).filter(
      ({ ActivityId, Description }) => !since.has(ActivityId) && Description?.startsWith('Launching'),
    );
    const [{ Cause = '' } = {}] = launches;
    assertThat(Cause.includes('policy'), `Auto Scaling gives the cause: ${Cause}`);
    return `the jobs run on ${instances.join(' and ')}. Auto Scaling: ${Cause}`;
  },
};

export const update: Check = {
  title: 'An update while jobs run',
  commands: [
    "MAYFLY_FIRST_RUN_MAX_CAPACITY=3 npx cdk deploy --app 'node first-run/app.ts'",
    'npx mayfly wait <id> <id>',
  ],
  expected: 'UPDATE_COMPLETE, nothing is replaced, and both jobs succeed at their first try.',
  async run(run) {
    const fleet = await run.fleet();
    const before = await fleet.status(run.running);
    assertThat(
      before.every(({ state }) => state === 'running'),
      'the jobs have ended already',
    );
    const outputs = await outputsOf(run);
    await run.deploy(3);
    const status = (await run.findStack())?.StackStatus;
    assertThat(status === 'UPDATE_COMPLETE', `the stack is ${status}`);
    assertThat((await outputsOf(run)) === outputs, 'the outputs have changed: something was replaced');
    const { capacity } = await fleet.describe();
    assertThat(capacity.max === 3, `the group's maximum is ${capacity.max}`);
    for (const { id, instance } of before) {
      const job = await waitForEnd(run, id, run.timings.jobSeconds + run.timings.launchSeconds);
      const result = `${job.state} after ${job.attempts} tries`;
      assertThat(job.state === 'succeeded' && job.attempts === 1, `the job ${id} is ${result}`);
      assertThat(job.tries.at(-1)?.instance === instance, `the job ${id} has moved to another instance`);
    }
    return 'UPDATE_COMPLETE; both jobs succeeded on their instances';
  },
};

async function outputsOf(run: FirstRun): Promise<string> {
  return JSON.stringify(
    (await run.findStack())?.Outputs?.map(({ OutputKey, OutputValue }) => [
      OutputKey,
      OutputValue,
    ]).toSorted(),
  );
}

/** SQS: "the deletion process takes up to 60 seconds" ("DeleteQueue"). */
const UNTIL_GONE_SECONDS = 120;

export const destruction: Check = {
  title: 'The end, with a job running and a long log',
  commands: [
    "npx mayfly enqueue --poll 0 'seq 1 200000; sleep 300'",
    "npx cdk destroy --app 'node first-run/app.ts'",
  ],
  expected:
    'No stack, no queue, no table, no bucket; the job has ended, or was handed back, before the table went.',
  async run(run) {
    const fleet = await run.fleet();
    const { id } = await fleet.enqueue(`seq 1 200000; sleep ${run.timings.jobSeconds}`);
    const running = await run.waitUntil(`the job ${id} to run`, run.timings.launchSeconds, async () => {
      const job = await fleet.status(id);
      return job.state === 'running' && job;
    });
    const destroying = run.destroy();
    const last = await watchUntilGone(run, running, destroying);
    await destroying;
    assertThat((await run.findStack()) === undefined, 'the stack is still there');
    for (const [store, read] of Object.entries(await stores(run))) {
      await run.waitUntil(`the deletion of the ${store}`, UNTIL_GONE_SECONDS, async () => isGone(read));
    }
    assertThat(
      ['succeeded', 'queued'].includes(last.state),
      `the job was ${last.state} when the table was deleted`,
    );
    return `the job was ${last.state}; stack, queue, table and bucket are gone`;
  },
};

/** @returns the job as it was last, before its table was deleted */
async function watchUntilGone(run: FirstRun, first: JobView, destroying: Promise<unknown>): Promise<JobView> {
  const fleet = await run.fleet();
  let last = first;
  let over = false;
  void destroying
    .catch(() => {})
    .then(() => {
      over = true;
    });
  const check = async () => {
    const job = await fleet.status(first.id).catch((error: unknown) => {
      over ||= error instanceof StoreGoneError;
    });
    if (job && job.state !== 'unknown') last = job;
    return over;
  };
  await run.waitUntil(
    `the deletion of ${run.stack}`,
    run.timings.jobSeconds + 2 * run.timings.retireSeconds,
    check,
    run.timings.lastPollSeconds,
  );
  return last;
}

async function stores(run: FirstRun): Promise<Record<string, () => Promise<unknown>>> {
  const { facts } = await run.fleet();
  const { sqs, dynamodb, s3 } = run.clients;
  return {
    queue: () =>
      sqs.send(new GetQueueAttributesCommand({ QueueUrl: facts.queueUrl, AttributeNames: ['QueueArn'] })),
    table: () => dynamodb.send(new DescribeTableCommand({ TableName: facts.table })),
    bucket: () => s3.send(new HeadBucketCommand({ Bucket: facts.logBucket })),
  };
}

const GONE = new Set(['QueueDoesNotExist', 'ResourceNotFoundException', 'NotFound', 'NoSuchBucket']);

async function isGone(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return false;
  } catch (error) {
    if (error instanceof Error && GONE.has(error.name)) return true;
    throw error;
  }
}
