import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Fleet } from '../../client/fleet.ts';
import { type Job, readJob } from '../../jobs/message.ts';

/** Receives all jobs on the fleet's queue. Throws for a message that an agent could not read. */
export async function receiveJobs({ context }: Fleet): Promise<Job[]> {
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
