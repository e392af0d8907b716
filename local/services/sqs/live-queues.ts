import type { CloudClock } from '../../clock.ts';
import type { QueueStore, StoredMessage, StoredQueue } from '../fauxqs-stores.ts';
import { MessageGroups } from './message-groups.ts';

/** How often a queue is searched for expired messages. */
const SEARCH_MS = 1000;

/**
 * Adds to fauxqs's store what it lacks: messages get their sent time from the cloud's clock, expire after their queue's
 * retention period, have a group also in a standard queue, and dead letters have a source queue.
 */
export class LiveQueues {
  readonly groups = new MessageGroups();
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

  /** The queues whose dead-letter queue this is ("ListDeadLetterSourceQueues"). */
  sourcesOf(arn: string): StoredQueue[] {
    return [...this.#store.allQueues()].filter((queue) => deadLetterTarget(queue) === arn);
  }

  /** ARN of the source queue of a dead letter, by the receipt handle. */
  sourceOf(arn: string, handle: string): string | undefined {
    const entry = this.get(arn)?.inflightMessages.get(handle);
    return entry && this.#sources.get(entry.message);
  }

  /**
   * Removes messages older than the retention period, in flight or not. A dead letter keeps its original date ("Amazon
   * SQS dead-letter queues"). The cloud's speed does not apply to queues: this is real time.
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
      this.groups.enqueue(queue, message, () => enqueue(message));
    };
    const dequeue = queue.dequeue.bind(queue);
    queue.dequeue = (count, visibility, resolve) =>
      dequeue(count, visibility, resolve && ((arn) => this.#deadLetterQueue(resolve(arn), queue.arn)));
    return queue;
  }

  /** The part of the dead-letter queue that a receive needs. It records the source of a message. */
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
