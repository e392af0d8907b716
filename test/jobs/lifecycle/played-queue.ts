import assert from 'node:assert/strict';
import type { Clock } from '../../../aws/clock.ts';

/** A message of the simulated queue, as SQS keeps it. */
interface Entry {
  id: string;
  body: string;
  attributes: object;
  sentAtMs: number;
  receiveCount: number;
  visibleAtMs: number;
  /** Only the newest handle counts. SQS accepts older ones and does nothing, or refuses them. */
  handle: string;
}

type Input = Record<string, unknown>;

export const QUEUE_URL = 'https://sqs.us-east-1.amazonaws.com/123456789012/played';
export const DEAD_LETTERS_URL = `${QUEUE_URL}-dead`;

/**
 * What SQS does with messages, by the test's clock: visibility, receipt handles, at-least-once delivery (on demand).
 * Deletes by an old handle are accepted and do nothing, as SQS's documentation warns.
 */
export class PlayedQueue {
  /** The messages in the dead-letter queue, with the job that each names. */
  readonly deadLetters: { job: string; body: string }[] = [];
  readonly #clock: Clock;
  readonly #onDelete: (message: string) => void;
  readonly #onDeadLetter: (job: string, body: string) => void;
  readonly #entries = new Map<string, Entry>();
  #made = 0;

  constructor(
    clock: Clock,
    onDelete: (message: string) => void,
    onDeadLetter: (job: string, body: string) => void,
  ) {
    this.#clock = clock;
    this.#onDelete = onDelete;
    this.#onDeadLetter = onDeadLetter;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  send(id: string, body: string, attributes: object, delaySeconds = 0): void {
    const nowMs = this.#clock.now();
    this.#entries.set(id, {
      id,
      body,
      attributes,
      sentAtMs: nowMs,
      receiveCount: 0,
      visibleAtMs: nowMs + delaySeconds * 1000,
      handle: '',
    });
  }

  /** At-least-once delivery: an invisible message is delivered to another receiver as well. */
  redeliver(nth: number): boolean {
    const entry = [...this.#entries.values()][nth % Math.max(1, this.#entries.size)];
    if (!entry || this.#isVisible(entry)) return false;
    entry.visibleAtMs = this.#clock.now();
    return true;
  }

  get hasVisible(): boolean {
    return [...this.#entries.values()].some((entry) => this.#isVisible(entry));
  }

  async answer(action: string, input: Input): Promise<object> {
    return { $metadata: {}, ...this.#answer(action, input) };
  }

  #answer(action: string, input: Input): object {
    switch (action) {
      case 'ReceiveMessageCommand':
        return this.#receive(Number(input['MaxNumberOfMessages']), Number(input['VisibilityTimeout']));
      case 'ChangeMessageVisibilityBatchCommand':
        return this.#hide(
          input['Entries'] as { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[],
        );
      case 'DeleteMessageBatchCommand':
        return this.#remove(input['Entries'] as { Id: string; ReceiptHandle: string }[]);
      case 'SendMessageCommand':
        if (input['QueueUrl'] === QUEUE_URL) return this.#add(input);
        assert.equal(input['QueueUrl'], DEAD_LETTERS_URL);
        return this.#addDeadLetter(
          String(input['MessageBody']),
          input['MessageAttributes'] as Record<string, { StringValue: string }>,
        );
      default:
        throw new Error(`the played queue knows no ${action}`);
    }
  }

  #receive(most: number, leaseSeconds: number): object {
    const found = [...this.#entries.values()].filter((entry) => this.#isVisible(entry)).slice(0, most);
    for (const entry of found) {
      this.#made += 1;
      entry.handle = `${entry.id}/${this.#made}`;
      entry.receiveCount += 1;
      entry.visibleAtMs = this.#clock.now() + leaseSeconds * 1000;
    }
    return {
      Messages: found.map(({ id, body, attributes, handle, receiveCount, sentAtMs }) => ({
        MessageId: id,
        ReceiptHandle: handle,
        Body: body,
        MessageAttributes: attributes,
        Attributes: { ApproximateReceiveCount: `${receiveCount}`, SentTimestamp: `${sentAtMs}` },
      })),
    };
  }

  #hide(entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[]): object {
    const failed = entries.filter(({ ReceiptHandle, VisibilityTimeout }) => {
      const entry = this.#held(ReceiptHandle);
      if (entry) entry.visibleAtMs = this.#clock.now() + VisibilityTimeout * 1000;
      return !entry;
    });
    return { Failed: failed.map(({ Id }) => ({ Id, SenderFault: true, Code: 'MessageNotInflight' })) };
  }

  #remove(entries: { ReceiptHandle: string }[]): object {
    for (const { ReceiptHandle } of entries) {
      const entry = this.#entries.get(ReceiptHandle.split('/')[0] ?? '');
      if (entry?.handle !== ReceiptHandle) continue;
      this.#onDelete(entry.id);
      this.#entries.delete(entry.id);
    }
    return {};
  }

  #add({ MessageBody, MessageAttributes, DelaySeconds = 0 }: Input): object {
    this.#made += 1;
    const id = `sent-${this.#made}`;
    this.send(id, String(MessageBody), MessageAttributes as object, Number(DelaySeconds));
    return { MessageId: id };
  }

  #addDeadLetter(body: string, attributes: Record<string, { StringValue: string }>): object {
    const job = attributes['MayflyJobId']?.StringValue ?? '';
    this.#onDeadLetter(job, body);
    this.deadLetters.push({ job, body });
    return {};
  }

  #held(handle: string): Entry | undefined {
    const entry = this.#entries.get(handle.split('/')[0] ?? '');
    return entry?.handle === handle && !this.#isVisible(entry) ? entry : undefined;
  }

  #isVisible({ visibleAtMs }: Entry): boolean {
    return visibleAtMs <= this.#clock.now();
  }
}
