import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
  type Message as SqsMessage,
} from '@aws-sdk/client-sqs';
import { createDeadLetterAttributes, type DeadLetterReason } from '../jobs/dead-letter.ts';

export interface Message {
  id: string;
  /** Changes with every receive. Only the newest is sure to work. */
  receiptHandle: string;
  body: string;
  receiveCount: number;
  /** Epoch milliseconds. Undefined: the queue did not say. */
  sentAtMs: number | undefined;
  attributes: Record<string, MessageAttributeValue>;
}

/** The error of one entry of a batch call. */
export class EntryError extends Error {
  /** The entry itself is wrong (an expired handle, ...). A retry would be refused too. */
  readonly senderFault: boolean;
  constructor(entry: BatchResultErrorEntry) {
    super(entry.Message ?? 'refused without a reason');
    this.name = entry.Code ?? 'UnknownEntryError';
    this.senderFault = entry.SenderFault ?? false;
  }
}

/** For each entry of a batch call, in the order of the entries: undefined if it succeeded, else the error. */
export type EntryResults = (EntryError | undefined)[];

/** The calls on a fleet's queue and its dead-letter queue. */
export class JobQueue {
  readonly #clients: { sqs: SQSClient; polls: SQSClient };
  readonly #url: string;
  readonly #deadLetterUrl: string | undefined;

  constructor(clients: { sqs: SQSClient; polls: SQSClient }, url: string, deadLetterUrl?: string) {
    this.#clients = clients;
    this.#url = url;
    this.#deadLetterUrl = deadLetterUrl;
  }

  get hasDeadLetterQueue(): boolean {
    return this.#deadLetterUrl !== undefined;
  }

  /**
   * @param count at most 10
   * @param waitSeconds of long polling, 0 to 20
   * @param leaseSeconds how long received messages stay invisible
   */
  async receive(count: number, waitSeconds: number, leaseSeconds: number): Promise<Message[]> {
    const { Messages = [] } = await this.#clients.polls.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: count,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: leaseSeconds,
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages.map(toMessage);
  }

  /** Deletes up to ten messages by their newest handles. */
  async deleteMessages(handles: readonly string[]): Promise<EntryResults> {
    const { Failed } = await this.#clients.sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#url,
        Entries: handles.map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle })),
      }),
    );
    return toResults(handles.length, Failed);
  }

  /**
   * Sets how long from now up to ten messages stay invisible. 0 makes a message visible at once.
   *
   * @param timeoutMs of the call, if shorter than usual
   */
  async changeVisibility(
    entries: readonly { receiptHandle: string; seconds: number }[],
    timeoutMs?: number,
  ): Promise<EntryResults> {
    const { Failed } = await this.#clients.sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: this.#url,
        Entries: entries.map(({ receiptHandle, seconds }, index) => ({
          Id: `${index}`,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        })),
      }),
      timeoutMs === undefined ? {} : { requestTimeout: timeoutMs },
    );
    return toResults(entries.length, Failed);
  }

  /** Copies a message to the dead-letter queue, with the reason. The caller deletes the original afterwards. */
  async copyToDeadLetters(message: Message, deadLetterReason: DeadLetterReason): Promise<void> {
    if (this.#deadLetterUrl === undefined) throw new Error('this fleet has no dead-letter queue');
    await this.#clients.sqs.send(
      new SendMessageCommand({
        QueueUrl: this.#deadLetterUrl,
        MessageBody: message.body,
        MessageAttributes: createDeadLetterAttributes(message, { ...deadLetterReason, source: this.#url }),
      }),
    );
  }
}

function toMessage(message: SqsMessage): Message {
  const { MessageId: id = '', ReceiptHandle: receiptHandle = '', Body: body = '' } = message;
  const system = message.Attributes ?? {};
  return {
    id,
    receiptHandle,
    body,
    receiveCount: Number(system.ApproximateReceiveCount ?? 1),
    sentAtMs: system.SentTimestamp === undefined ? undefined : Number(system.SentTimestamp),
    attributes: message.MessageAttributes ?? {},
  };
}

function toResults(count: number, failed: BatchResultErrorEntry[] = []): EntryResults {
  const results: EntryResults = new Array(count).fill(undefined);
  for (const entry of failed) results[Number(entry.Id)] = new EntryError(entry);
  return results;
}
