import {
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { producersAttributes } from '../../jobs/message-attributes.ts';
import { LARGEST_BATCH } from '../../lib/limits.ts';
import { type EntryError, JobQueue } from '../../store/queue.ts';
import type { FleetContext } from '../context.ts';
import { type DeadLetter, deadLetterOf } from './dead-letter.ts';
import { type Proof, proofOf } from './proof.ts';
import { FleetError } from '../errors.ts';

/** How long a message that was seen is hidden, so that the others are seen too; by then it is handed back. */
const HIDDEN_SECONDS = 300;
/** A long poll asks all of SQS's servers: one that brings nothing says that nothing is there. */
const WAIT_SECONDS = 1;
/** So many answers in a row without anything new, because what was hidden came back: all has been seen. */
const MOST_REPETITIONS = 3;

/** The fleet's dead-letter queue. Throws a sentence where none is known. */
export function deadLetterQueueOf({ facts }: Pick<FleetContext, 'facts'>): string {
  if (facts.deadLetterQueueUrl !== undefined) return facts.deadLetterQueueUrl;
  throw new FleetError(
    `No dead-letter queue of fleet ${facts.fleet} is known here. Where a fleet is found by its parts' names, this one ` +
      'is to be named too (--dead-letter-queue-url, MAYFLY_DEAD_LETTER_QUEUE_URL).',
  );
}

/** Messages of the dead-letter queue, those included that somebody holds. SQS counts about, and up to a minute late. */
export async function countDeadLetters(context: FleetContext): Promise<number> {
  const { Attributes = {} } = await context.clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: deadLetterQueueOf(context),
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: held } = Attributes;
  return Number(visible ?? 0) + Number(held ?? 0);
}

/**
 * Looks through the dead-letter queue. SQS shows a message only by giving it out: what was seen stays hidden until the
 * sweep is closed, so that the next ones come, and is handed back then.
 */
export class Sweep {
  readonly #context: FleetContext;
  readonly #queue: JobQueue;
  readonly #url: string;
  /** The newest handle of each message that was seen, by the message's id. */
  readonly #handles = new Map<string, string>();
  readonly #proofs = new Map<string, Proof>();
  readonly #attributes = new Map<string, Record<string, MessageAttributeValue>>();
  readonly #removed = new Set<string>();

  constructor(context: FleetContext) {
    this.#context = context;
    this.#url = deadLetterQueueOf(context);
    this.#queue = new JobQueue(context.clients, this.#url);
  }

  /** How many messages were seen. */
  get seen(): number {
    return this.#handles.size;
  }

  /** Each message once, by ten, until nothing new comes. */
  async *batches(signal?: AbortSignal): AsyncGenerator<DeadLetter[]> {
    for (let repetitions = 0; repetitions < MOST_REPETITIONS; ) {
      const messages = await this.#receive(signal);
      if (messages.length === 0) return;
      const fresh = messages.filter(({ MessageId = '' }) => !this.#handles.has(MessageId));
      for (const message of messages) {
        const { MessageId = '', ReceiptHandle = '' } = message;
        this.#handles.set(MessageId, ReceiptHandle);
        this.#proofs.set(MessageId, proofOf(message));
        this.#attributes.set(MessageId, producersAttributes(message.MessageAttributes ?? {}));
      }
      repetitions = fresh.length === 0 ? repetitions + 1 : 0;
      if (fresh.length > 0) yield fresh.map(deadLetterOf);
    }
  }

  /** Kept apart from the letters, which are printed: a nonce is a secret. */
  proofOf({ messageId }: DeadLetter): Proof {
    return this.#proofs.get(messageId) ?? { nonce: undefined, isNamed: false };
  }

  /** What the letter's producer sent beside the body. */
  attributesOf({ messageId }: DeadLetter): Record<string, MessageAttributeValue> {
    return this.#attributes.get(messageId) ?? {};
  }

  /** Deletes messages for good. */
  async remove(letters: readonly DeadLetter[]): Promise<void> {
    const removals = letters.map(({ messageId }) => ({
      messageId,
      handle: this.#handles.get(messageId) ?? '',
    }));
    for (let at = 0; at < removals.length; at += LARGEST_BATCH) {
      const batch = removals.slice(at, at + LARGEST_BATCH);
      const results = await this.#queue.remove(batch.map(({ handle }) => handle));
      batch.forEach(({ messageId }, index) => {
        if (!results[index]) this.#removed.add(messageId);
      });
      const failure = results.find((result) => result !== undefined);
      if (failure) throw notDeleted(failure);
    }
  }

  /** Hands back all that is still there. What cannot be handed back comes back by itself, minutes later. */
  async close(): Promise<void> {
    const handles = [...this.#handles].flatMap(([id, handle]) => (this.#removed.has(id) ? [] : [handle]));
    for (let at = 0; at < handles.length; at += LARGEST_BATCH) {
      const batch = handles.slice(at, at + LARGEST_BATCH);
      await this.#queue
        .hide(batch.map((receiptHandle) => ({ receiptHandle, seconds: 0 })))
        .catch(() => undefined);
    }
  }

  async #receive(signal?: AbortSignal): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: LARGEST_BATCH,
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
  return new FleetError(`A dead letter was not deleted (${cause.name}: ${cause.message}). Run it again.`, {
    cause,
  });
}
