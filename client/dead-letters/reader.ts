import {
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { selectProducerAttributes } from '../../jobs/message-attributes.ts';
import { SQS_MAX_BATCH_SIZE } from '../../lib/limits.ts';
import { type EntryError, JobQueue } from '../../store/job-queue.ts';
import type { FleetContext } from '../context.ts';
import { FleetError } from '../errors.ts';
import { type MessageOrigin, readOrigin } from './origin.ts';
import { type DeadLetter, parseDeadLetter } from './parse.ts';

/**
 * Visibility timeout of received messages, so that the next receive returns others. They are released before it ends.
 */
const HIDDEN_SECONDS = 300;
/** A long poll asks all servers of SQS. If it returns nothing, the queue has no visible message. */
const WAIT_SECONDS = 1;
/** After so many receives in a row that return only known messages, all messages have been received. */
const MOST_REPETITIONS = 3;

/** URL of the fleet's dead-letter queue. Throws `FleetError` if it is not known. */
export function requireDeadLetterQueue({ facts }: Pick<FleetContext, 'facts'>): string {
  if (facts.deadLetterQueueUrl !== undefined) return facts.deadLetterQueueUrl;
  throw new FleetError(
    `The dead-letter queue of fleet ${facts.fleet} is not known. If the fleet is found by the names of its resources, name ` +
      'this queue too (--dead-letter-queue-url, MAYFLY_DEAD_LETTER_QUEUE_URL).',
  );
}

/** Number of messages in the dead-letter queue, including those in flight. Approximate, and up to a minute old. */
export async function countDeadLetters(context: FleetContext): Promise<number> {
  const { Attributes = {} } = await context.clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: requireDeadLetterQueue(context),
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: inFlight } =
    Attributes;
  return Number(visible ?? 0) + Number(inFlight ?? 0);
}

/**
 * Receives all messages of the dead-letter queue. Received messages stay invisible until `close`, so that each receive
 * returns others. `close` makes those visible again that were not removed.
 */
export class DeadLetterReader {
  readonly #context: FleetContext;
  readonly #queue: JobQueue;
  readonly #url: string;
  /** The newest receipt handle of each received message, by the message's id. */
  readonly #handles = new Map<string, string>();
  readonly #proofs = new Map<string, MessageOrigin>();
  readonly #attributes = new Map<string, Record<string, MessageAttributeValue>>();
  readonly #removed = new Set<string>();

  constructor(context: FleetContext) {
    this.#context = context;
    this.#url = requireDeadLetterQueue(context);
    this.#queue = new JobQueue(context.clients, this.#url);
  }

  /** Number of messages that were received. */
  get receivedCount(): number {
    return this.#handles.size;
  }

  /** Yields each message once, in batches of up to ten, until no new ones come. */
  async *batches(signal?: AbortSignal): AsyncGenerator<DeadLetter[]> {
    for (let repetitions = 0; repetitions < MOST_REPETITIONS; ) {
      const messages = await this.#receive(signal);
      if (messages.length === 0) return;
      const fresh = messages.filter(({ MessageId = '' }) => !this.#handles.has(MessageId));
      for (const message of messages) {
        const { MessageId = '', ReceiptHandle = '' } = message;
        this.#handles.set(MessageId, ReceiptHandle);
        this.#proofs.set(MessageId, readOrigin(message));
        this.#attributes.set(MessageId, selectProducerAttributes(message.MessageAttributes ?? {}));
      }
      repetitions = fresh.length === 0 ? repetitions + 1 : 0;
      if (fresh.length > 0) yield fresh.map(parseDeadLetter);
    }
  }

  /** Not a part of the dead letter, which is printed: a nonce is a secret. */
  originOf({ messageId }: DeadLetter): MessageOrigin {
    return this.#proofs.get(messageId) ?? { nonce: undefined, isFromAgent: false };
  }

  /** The message attributes that the producer set. */
  attributesOf({ messageId }: DeadLetter): Record<string, MessageAttributeValue> {
    return this.#attributes.get(messageId) ?? {};
  }

  /** Deletes messages. Rejects with `FleetError` if SQS refuses to delete one. */
  async remove(deadLetters: readonly DeadLetter[]): Promise<void> {
    const removals = deadLetters.map(({ messageId }) => ({
      messageId,
      handle: this.#handles.get(messageId) ?? '',
    }));
    for (let at = 0; at < removals.length; at += SQS_MAX_BATCH_SIZE) {
      const batch = removals.slice(at, at + SQS_MAX_BATCH_SIZE);
      const results = await this.#queue.deleteMessages(batch.map(({ handle }) => handle));
      batch.forEach(({ messageId }, index) => {
        if (!results[index]) this.#removed.add(messageId);
      });
      const failure = results.find((result) => result !== undefined);
      if (failure) throw notDeleted(failure);
    }
  }

  /**
   * Makes the messages visible again that were not removed. If a call fails, they become visible after
   * `HIDDEN_SECONDS`.
   */
  async close(): Promise<void> {
    const handles = [...this.#handles].flatMap(([id, handle]) => (this.#removed.has(id) ? [] : [handle]));
    for (let at = 0; at < handles.length; at += SQS_MAX_BATCH_SIZE) {
      const batch = handles.slice(at, at + SQS_MAX_BATCH_SIZE);
      await this.#queue
        .changeVisibility(batch.map((receiptHandle) => ({ receiptHandle, seconds: 0 })))
        .catch(() => undefined);
    }
  }

  async #receive(signal?: AbortSignal): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: SQS_MAX_BATCH_SIZE,
      WaitTimeSeconds: WAIT_SECONDS,
      VisibilityTimeout: HIDDEN_SECONDS,
      MessageSystemAttributeNames: ['SentTimestamp', 'DeadLetterQueueSourceArn'],
      MessageAttributeNames: ['All'],
    });
    const { Messages = [] } = await this.#context.clients.sqs.send(
      command,
      signal && { abortSignal: signal },
    );
    return Messages;
  }
}

function notDeleted(cause: EntryError): FleetError {
  return new FleetError(
    `A dead letter was not deleted (${cause.name}: ${cause.message}). Run the command again.`,
    {
      cause,
    },
  );
}
