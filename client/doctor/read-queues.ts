import { GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import type { FleetContext } from '../context.ts';
import { parseDeadLetter } from '../dead-letters/parse.ts';
import type { QueueState } from './check-input.ts';

/** The attribute `RedrivePolicy`. Its count is a number or a string, as it was set. */
const RedriveSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ deadLetterTargetArn: v.string(), maxReceiveCount: v.union([v.number(), v.string()]) }),
);

export async function readQueue({ clients }: FleetContext, QueueUrl: string): Promise<QueueState> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
  const { Attributes = {} } = await clients.sqs.send(command);
  const redrive = v.safeParse(RedriveSchema, Attributes['RedrivePolicy']);
  const { deadLetterTargetArn = '', maxReceiveCount = 0 } = redrive.success ? redrive.output : {};
  return {
    arn: Attributes['QueueArn'] ?? '',
    visible: Number(Attributes['ApproximateNumberOfMessages']),
    inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible']),
    delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed']),
    visibilitySeconds: Number(Attributes['VisibilityTimeout']),
    retentionSeconds: Number(Attributes['MessageRetentionPeriod']),
    delaySeconds: Number(Attributes['DelaySeconds'] ?? 0),
    ...(redrive.success && { redrive: { arn: deadLetterTargetArn, maxReceives: Number(maxReceiveCount) } }),
  };
}

/** The oldest of a few dead letters. They stay visible for other receivers. */
export async function readSample({ clients }: FleetContext, QueueUrl: string): Promise<QueueState['sample']> {
  const { Messages = [] } = await clients.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
      WaitTimeSeconds: 0,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
  );
  const [oldest] = Messages.map(parseDeadLetter).toSorted((one, other) =>
    (one.deadAt ?? '').localeCompare(other.deadAt ?? ''),
  );
  if (!oldest) return undefined;
  const { id, reason, deadAt } = oldest;
  return { id, ...(reason && { reason }), ...(deadAt && { deadAt }) };
}
