import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CloudClock } from '../../clock.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { listOf } from './batch.ts';
import type { Queue } from './queue.ts';

/** How a task accesses queues. */
export interface MoveAccess {
  clock: CloudClock;
  queue(arn: string): Queue;
  /** The number of visible messages in a queue. */
  waiting(arn: string): number;
}

export interface MoveRequest {
  sourceArn: string;
  destinationArn: string | undefined;
  perSecond: number | undefined;
}

type Status = 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';

interface Task extends MoveRequest {
  handle: string;
  status: Status;
  moved: number;
  toMove: number;
  startedAtMs: number;
  failure?: string;
}

/** "ListMessageMoveTasks": the maximum number of tasks that it shows. */
const MOST_SHOWN = 10;
const MOST_AT_ONCE = 10;
/** The maximum time that the move of a message takes. */
const MOVE_SECONDS = 30;

/** Message move tasks of dead-letter queues ("StartMessageMoveTask"). */
export class MoveTasks {
  readonly #access: MoveAccess;
  /** Newest first, by the ARN of the source. */
  readonly #tasks = new Map<string, Task[]>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(access: MoveAccess) {
    this.#access = access;
  }

  start(request: MoveRequest): Task {
    const { sourceArn } = request;
    const before = this.#of(sourceArn);
    if (before.some(isActive)) {
      const message =
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.';
      throw new AwsError('UnsupportedOperation', message);
    }
    const task: Task = {
      ...request,
      handle: Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn })).toString('base64'),
      status: 'RUNNING',
      moved: 0,
      toMove: this.#access.waiting(sourceArn),
      startedAtMs: this.#access.clock.now(),
    };
    this.#tasks.set(sourceArn, [task, ...before].slice(0, MOST_SHOWN));
    const run = this.#run(task).finally(() => this.#running.delete(run));
    this.#running.add(run);
    return task;
  }

  /** Asks an active task to stop. Returns the task. */
  cancel(handle: string): Task {
    const task = this.#of(parseTaskHandle(handle)).find((one) => one.handle === handle);
    if (!task) throw new AwsError('ResourceNotFoundException', 'Task does not exist.', 404);
    if (task.status !== 'RUNNING') {
      throw new AwsError('UnsupportedOperation', 'Only active tasks can be cancelled.');
    }
    task.status = 'CANCELLING';
    return task;
  }

  /** Newest first. */
  list(sourceArn: string, most: number): Input[] {
    return this.#of(sourceArn).slice(0, most).map(describeTask);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  #of(sourceArn: string): Task[] {
    return this.#tasks.get(sourceArn) ?? [];
  }

  async #run(task: Task): Promise<void> {
    try {
      // The answer with the task's handle must come before its first message.
      await nextTurn();
      while (task.status === 'RUNNING' && !this.#closing.signal.aborted) {
        const moved = await this.#moveBatch(task);
        if (moved === 0) break;
        if (task.perSecond !== undefined) await this.#waitOneSecond();
      }
      task.status = task.status === 'CANCELLING' ? 'CANCELLED' : 'COMPLETED';
    } catch (error) {
      task.status = 'FAILED';
      task.failure = error instanceof AwsError ? error.code : String(error);
    }
  }

  /** Moves as many messages as the rate allows in a second, or as one receive returns. */
  async #moveBatch(task: Task): Promise<number> {
    let left = task.perSecond ?? MOST_AT_ONCE;
    let moved = 0;
    while (left > 0 && task.status === 'RUNNING') {
      const messages = await this.#receive(task.sourceArn, Math.min(left, MOST_AT_ONCE));
      for (const message of messages) await this.#move(task, message);
      if (messages.length === 0) break;
      moved += messages.length;
      left -= messages.length;
    }
    return moved;
  }

  async #receive(sourceArn: string, MaxNumberOfMessages: number): Promise<Input[]> {
    const answer = await this.#access.queue(sourceArn).call('ReceiveMessage', {
      ...{ MaxNumberOfMessages, VisibilityTimeout: MOVE_SECONDS, WaitTimeSeconds: 0 },
      ...{ MessageAttributeNames: ['All'], AttributeNames: ['All'] },
    });
    return listOf(answer['Messages']);
  }

  /** A moved message is a new message, with another id and date. */
  async #move(task: Task, message: Input): Promise<void> {
    const source = this.#access.queue(task.sourceArn);
    const ReceiptHandle = String(message['ReceiptHandle']);
    try {
      const to = task.destinationArn ?? source.deadLetterSource(ReceiptHandle);
      if (to === undefined) throw new AwsError('CouldNotDetermineMessageSource', 'No queue has redriven it.');
      const { Body: MessageBody, MessageAttributes, Attributes } = message;
      const { MessageGroupId, MessageDeduplicationId } = (Attributes ?? {}) as Input;
      const sent = { MessageBody, MessageAttributes, MessageGroupId, MessageDeduplicationId };
      await this.#access.queue(to).call('SendMessage', sent);
    } catch (error) {
      await source.call('ChangeMessageVisibility', { ReceiptHandle, VisibilityTimeout: 0 });
      throw error;
    }
    await source.call('DeleteMessage', { ReceiptHandle });
    task.moved += 1;
  }

  /** A second of real time, which applies to queues. */
  #waitOneSecond(): Promise<void> {
    const { clock } = this.#access;
    return new Promise((resolve) => {
      const cancel = clock.after(1000 * clock.speed, resolve);
      this.#closing.signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }
}

const isActive = ({ status }: Task): boolean => status === 'RUNNING' || status === 'CANCELLING';

/** Only a running task can be cancelled, so only its handle is shown. */
function describeTask(task: Task): Input {
  return {
    ...(task.status === 'RUNNING' && { TaskHandle: task.handle }),
    Status: task.status,
    SourceArn: task.sourceArn,
    DestinationArn: task.destinationArn,
    MaxNumberOfMessagesPerSecond: task.perSecond,
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    FailureReason: task.failure,
    StartedTimestamp: task.startedAtMs,
  };
}

/** ARN of the source queue in a task handle. */
export function parseTaskHandle(handle: string): string {
  try {
    const { sourceArn } = JSON.parse(Buffer.from(handle, 'base64').toString());
    if (typeof sourceArn === 'string') return sourceArn;
  } catch {
    // Not JSON: not a valid handle.
  }
  throw new AwsError('InvalidParameterValue', 'Value for parameter TaskHandle is invalid.');
}
