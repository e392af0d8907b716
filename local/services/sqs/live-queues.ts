import type { CloudClock } from '../../clock.ts';
import type { QueueStore, StoredMessage, StoredQueue } from '../fauxqs-stores.ts';

/** How often a queue is searched for messages that are too old. */
const SEARCH_MS = 1000;

/**
 * What fauxqs leaves out, in its own store: messages are sent by the cloud's clock, expire with their queue's
 * retention, and as dead letters know the queue that they come from.
 */
export class LiveQueues {
  readonly #store: QueueStore;
  readonly #clock: CloudClock;
  readonly #sources = new WeakMap<StoredMessage, string>();
  readonly #searched = new WeakMap<StoredQueue, { atMs: number; seconds: number }>();

  constructor(store: QueueStore, clock: CloudClock) {
    this.#store = store;
    this.#clock = clock;
    const create = store.createQueue.bind(store);
    store.createQueue = (...settings) => this.#attend(create(...settings));
  }

  get(arn: string): StoredQueue | undefined {
    return this.#store.getQueueByArn(arn);
  }

  /** The queues whose dead letters go to this one ("ListDeadLetterSourceQueues"). */
  sourcesOf(arn: string): StoredQueue[] {
    return [...this.#store.allQueues()].filter((queue) => deadLetterTarget(queue) === arn);
  }

  /** ARN of the queue that redrove a message, by the handle of its receive. */
  sourceOf(arn: string, handle: string): string | undefined {
    const entry = this.get(arn)?.inflightMessages.get(handle);
    return entry && this.#sources.get(entry.message);
  }

  /**
   * Removes what is older than the queue keeps messages, in flight or not. A dead letter keeps its first date ("Amazon
   * SQS dead-letter queues"). The queue is not hurried: it is by the real time.
   */
  expire(arn: string): void {
    const queue = this.get(arn);
    if (!queue) return;
    const seconds = Number(queue.attributes['MessageRetentionPeriod']);
    const atMs = this.#clock.now();
    const before = this.#searched.get(queue);
    if (before?.seconds === seconds && atMs - before.atMs < SEARCH_MS) return;
    this.#searched.set(queue, { atMs, seconds });
    removeUnless(queue, ({ sentTimestamp }) => sentTimestamp > atMs - seconds * 1000);
  }

  #attend(queue: StoredQueue): StoredQueue {
    const enqueue = queue.enqueue.bind(queue);
    queue.enqueue = (message) => {
      if (!this.#sources.has(message)) message.sentTimestamp = this.#clock.now();
      enqueue(message);
    };
    const dequeue = queue.dequeue.bind(queue);
    queue.dequeue = (count, visibility, resolve) =>
      dequeue(count, visibility, resolve && ((arn) => this.#deadLetterQueue(resolve(arn), queue.arn)));
    return queue;
  }

  /** The dead-letter queue, as far as a receive needs it: it notes where a message comes from. */
  #deadLetterQueue(target: StoredQueue | undefined, source: string): StoredQueue | undefined {
    if (!target) return undefined;
    const enqueue = (message: StoredMessage) => {
      this.#sources.set(message, source);
      target.enqueue(message);
    };
    return { enqueue } as StoredQueue;
  }
}

function deadLetterTarget({ attributes }: StoredQueue): unknown {
  const policy = attributes['RedrivePolicy'];
  return policy ? JSON.parse(policy).deadLetterTargetArn : undefined;
}

function removeUnless(queue: StoredQueue, young: (message: StoredMessage) => boolean): void {
  queue.messages = queue.messages.filter(young);
  queue.delayedMessages = queue.delayedMessages.filter(young);
  for (const groups of [queue.fifoMessages, queue.fifoDelayed]) {
    for (const [group, messages] of groups) groups.set(group, messages.filter(young));
  }
  for (const [handle, { message }] of queue.inflightMessages) {
    if (!young(message)) queue.deleteMessage(handle);
  }
}
