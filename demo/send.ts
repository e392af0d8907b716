import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { countOf } from '../cli/terminal/format.ts';

const LARGEST_BATCH = 10;

/**
 * Sends bodies as another producer would, ten in a call. Messages that SQS refuses are sent again.
 *
 * @returns the ids of the jobs, in the order of the bodies
 * @throws Error if a body is refused three times
 */
export async function sendJobs(
  sqs: SQSClient,
  queueUrl: string,
  bodies: readonly string[],
): Promise<string[]> {
  const keys: string[] = [];
  for (let at = 0; at < bodies.length; at += LARGEST_BATCH) {
    keys.push(...(await sendBatch(sqs, queueUrl, bodies.slice(at, at + LARGEST_BATCH))));
  }
  return keys;
}

async function sendBatch(sqs: SQSClient, queueUrl: string, bodies: readonly string[]): Promise<string[]> {
  const keys = new Map<number, string>();
  let refusal = '';
  for (let tries = 0; tries < 3 && keys.size < bodies.length; tries++) {
    const entries = [...bodies.entries()].filter(([index]) => !keys.has(index));
    const { Successful = [], Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: entries.map(([index, MessageBody]) => ({ Id: String(index), MessageBody })),
      }),
    );
    for (const { Id, MessageId } of Successful) keys.set(Number(Id), `m-${MessageId}`);
    refusal = Failed.map(({ Code, Message }) => `${Code}: ${Message}`).join('; ');
  }
  if (keys.size < bodies.length)
    throw new Error(`the queue refused ${countOf(bodies.length - keys.size, 'job')}: ${refusal}`);
  return bodies.map((_, index) => keys.get(index) ?? '');
}
