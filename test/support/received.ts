import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Fleet } from '../../client/fleet.ts';
import { type Job, readJob } from '../../jobs/message.ts';

/** All that is on the fleet's queue now, as an agent reads it; a message that it could not read fails the test. */
export async function received({ context }: Fleet): Promise<Job[]> {
  const { sqs } = context.clients;
  const jobs: Job[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: context.facts.queueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return jobs;
    for (const { MessageId = '', Body = '' } of Messages) {
      const reading = readJob(MessageId, Body, { maxLimitSeconds: 43_190, tracked: true });
      if (reading.kind !== 'job') throw new Error(`a message cannot be read: ${reading.reason}`);
      jobs.push(reading.job);
    }
  }
}
