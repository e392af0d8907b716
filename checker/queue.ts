import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeadLetter, QueueFacts } from './facts.ts';

/** How long a message is out of sight while the checker looks at the others. */
const LOOK_SECONDS = 20;

/** How many messages of a queue nobody else can see just now. */
export async function hiddenOn(client: SQSClient, queueUrl: string): Promise<number> {
  const name = 'ApproximateNumberOfMessagesNotVisible';
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [name] }),
  );
  return Number(Attributes?.[name] ?? 0);
}

/** What waits on a queue. What waits with a delay counts as held: its key cannot be seen either. */
export async function queueFactsOf(client: SQSClient, queueUrl: string): Promise<QueueFacts> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'],
    }),
  );
  const inFlight =
    Number(Attributes?.['ApproximateNumberOfMessagesNotVisible'] ?? 0) +
    Number(Attributes?.['ApproximateNumberOfMessagesDelayed'] ?? 0);
  return { visible: (await lookAt(client, queueUrl)).map(keyOf), inFlight };
}

export async function deadLettersOf(client: SQSClient, queueUrl: string): Promise<DeadLetter[]> {
  return (await lookAt(client, queueUrl)).map((message) => {
    const reason = message.MessageAttributes?.['MayflyReason']?.StringValue;
    return {
      job: message.MessageAttributes?.['MayflyJobId']?.StringValue ?? keyOf(message),
      ...(reason ? { reason } : {}),
    };
  });
}

/** All messages of a queue that can be received; they are put back when all have been seen. */
async function lookAt(client: SQSClient, queueUrl: string): Promise<Message[]> {
  const seen: Message[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: LOOK_SECONDS,
        // The queue's own setting is a long poll: an empty one would hold the verdict up for 20 s.
        WaitTimeSeconds: 0,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) break;
    seen.push(...Messages);
  }
  for (let at = 0; at < seen.length; at += 10) {
    const Entries = seen.slice(at, at + 10).map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
  return seen;
}

/** A job's key: the id of its envelope, else made from the message's. */
function keyOf({ MessageId, Body = '' }: Message): string {
  try {
    const body: unknown = JSON.parse(Body);
    if (typeof body === 'object' && body !== null && 'mayfly' in body && 'id' in body) return String(body.id);
  } catch {
    // No JSON: a bare body has no id of its own.
  }
  return `m-${MessageId}`;
}
