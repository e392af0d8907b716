import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Fleet, JobView } from '../../client/index.ts';
import { assertThat, type Check } from '../check.ts';
import type { FirstRun } from '../run.ts';

/** Waits for the end of a job. */
export async function waitForEnd(run: FirstRun, id: string, withinSeconds: number): Promise<JobView> {
  const fleet = await run.fleet();
  return run.waitUntil(`the end of the job ${id}`, withinSeconds, async () => {
    const job = await fleet.status(id);
    return job.finished && job;
  });
}

/** Waits for the first instance. Throws at once if EC2 refuses the launch, for example because of a quota. */
async function waitForInstance(run: FirstRun, fleet: Fleet): Promise<string> {
  return run.waitUntil('the first instance', run.timings.launchSeconds, async () => {
    const { instances, launches } = await fleet.describe();
    if (launches.failure) throw new Error(`EC2 refuses to launch: ${launches.failure.message}`);
    return instances[0]?.instance;
  });
}

export const plainMessage: Check = {
  title: 'A plain message',
  commands: [
    "aws sqs send-message --queue-url <FleetQueueUrl> --message-body 'echo hello'",
    'npx mayfly fleet --watch',
  ],
  expected:
    'An instance within two or three minutes, and within ten the job has succeeded and printed hello.',
  async run(run) {
    const fleet = await run.fleet();
    const sentMs = performance.now();
    const { MessageId } = await run.clients.sqs.send(
      new SendMessageCommand({ QueueUrl: fleet.facts.queueUrl, MessageBody: 'echo hello' }),
    );
    const instance = await waitForInstance(run, fleet);
    const launchSeconds = secondsSince(sentMs);
    const id = `m-${MessageId}`;
    const job = await waitForEnd(run, id, run.timings.launchSeconds);
    assertThat(job.state === 'succeeded', `the job is ${job.state}: ${job.reason ?? 'no reason'}`);
    const printed = await readLog(fleet, id);
    assertThat(printed === 'hello\n', `the job printed ${JSON.stringify(printed)}`);
    return `${instance} was launched after ${launchSeconds} s, the job had ended after ${secondsSince(sentMs)} s`;
  },
};

const secondsSince = (sinceMs: number): number => Math.round((performance.now() - sinceMs) / 1000);

const LOG_BYTES = 100_000;

export const recordAndLog: Check = {
  title: 'A record and a long log',
  commands: [
    `npx mayfly enqueue --poll 5 'seq 1 20000 | head -c ${LOG_BYTES}'`,
    'npx mayfly logs <id> | wc -c',
  ],
  expected: `The job has succeeded after one try, and its log has all ${LOG_BYTES} bytes.`,
  async run(run) {
    const fleet = await run.fleet();
    const { id } = await fleet.enqueue(`seq 1 20000 | head -c ${LOG_BYTES}`);
    const job = await waitForEnd(run, id, run.timings.launchSeconds);
    assertThat(
      job.state === 'succeeded' && job.attempts === 1,
      `the job is ${job.state} after ${job.attempts} tries`,
    );
    const log = await readLog(fleet, id);
    const expected = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`)
      .join('')
      .slice(0, LOG_BYTES);
    assertThat(log === expected, `the log has ${log.length} bytes, or differs from what was printed`);
    return `succeeded on ${job.tries.at(-1)?.instance}, ${log.length} bytes of log`;
  },
};

async function readLog(fleet: Fleet, id: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const event of fleet.logs(id)) if (event.kind === 'output') parts.push(event.bytes);
  return Buffer.concat(parts).toString();
}

export const limit: Check = {
  title: 'A limit',
  commands: ["npx mayfly enqueue --async 5 --poll 1 'sleep 60'; echo $?", 'npx mayfly dlq list'],
  expected: 'timed_out and exit status 124. The dead-letter queue has the job, with the reason.',
  async run(run) {
    const fleet = await run.fleet();
    const { id } = await fleet.enqueue('sleep 60', { limitSeconds: 5 });
    const job = await waitForEnd(run, id, run.timings.launchSeconds);
    assertThat(job.state === 'timed_out', `the job is ${job.state}`);
    const letter = await run.waitUntil(`the dead letter of ${id}`, 60, async () => {
      const { deadLetters } = await fleet.deadLetters.list();
      return deadLetters.find((one) => one.id === id);
    });
    assertThat(letter.reason !== undefined, 'the dead letter has no reason');
    return `timed_out; dead-lettered: ${letter.reason}`;
  },
};
