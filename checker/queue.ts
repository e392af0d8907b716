import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeadLetter, QueueFacts } from './facts.ts';

/** How long received messages are invisible while the checker receives the others. */
const HIDDEN_SECONDS = 20;

/** The number of messages of a queue that are in flight. */
export async function countInFlight(client: SQSClient, queueUrl: string): Promise<number> {
  const name = 'ApproximateNumberOfMessagesNotVisible';
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [name] }),
  );
  return Number(Attributes?.[name] ?? 0);
}

/** The messages of a queue. Delayed messages count as in flight, because their keys cannot be seen either. */
export async function readQueue(client: SQSClient, queueUrl: string): Promise<QueueFacts> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'],
    }),
  );
  const inFlight =
    Number(Attributes?.['ApproximateNumberOfMessagesNotVisible'] ?? 0) +
    Number(Attributes?.['ApproximateNumberOfMessagesDelayed'] ?? 0);
  return { visible: (await peekAll(client, queueUrl)).map(jobKey), inFlight };
}

export async function readDeadLetters(client: SQSClient, queueUrl: string): Promise<DeadLetter[]> {
  return (await peekAll(client, queueUrl)).map((message) => {
    const reason = message.MessageAttributes?.['MayflyReason']?.StringValue;
    return {
      job: message.MessageAttributes?.['MayflyJobId']?.StringValue ?? jobKey(message),
      ...(reason ? { reason } : {}),
    };
  });
}

/** All messages of a queue that can be received. Once all are received they become visible again. */
async function peekAll(client: SQSClient, queueUrl: string): Promise<Message[]> {
  const seen: Message[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: HIDDEN_SECONDS,
        // The queue is configured for long polling: without this the receive of an empty queue takes 20 s.
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

/** A job's key: the id of its envelope, else one made from the message id. */
function jobKey({ MessageId, Body = '' }: Message): string {
  try {
    const body: unknown = JSON.parse(Body);
    if (typeof body === 'object' && body !== null && 'mayfly' in body && 'id' in body) return String(body.id);
  } catch {
    // Not JSON: a bare body has no id.
  }
  return `m-${MessageId}`;
}
