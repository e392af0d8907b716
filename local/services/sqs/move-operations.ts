import { optionalInteger, optionalText, text } from '../../front-door/read.ts';
import { AwsError, type Call, type Input, type KeyUse, type Operation } from '../../front-door/service.ts';
import type { LiveQueues } from './live-queues.ts';
import { type MoveTasks, parseTaskHandle } from './move-tasks.ts';
import { RECEIVE_ACTIONS, SEND_ACTIONS } from './queue-keys.ts';

/** "StartMessageMoveTask": the maximum rate, in messages per second. */
const FASTEST = 500;
/** "ListMessageMoveTasks". */
const MOST_TASKS = 10;
/** "ListDeadLetterSourceQueues". */
const MOST_QUEUES = 1000;

export interface MoveParts {
  queues: LiveQueues;
  tasks: MoveTasks;
  /** What IAM checks for an operation on the queue of this ARN. */
  scopeOf(arn: (input: Input) => string): Pick<Operation, 'resources' | 'resourcePolicies'>;
  keyUsesOf(arn: string, actions: string[]): KeyUse[];
  allows(call: Call, action: string, arn: string): boolean;
}

/** The operations on message move tasks of dead-letter queues. */
export function moveOperations(parts: MoveParts): Record<string, Operation> {
  const { tasks, queues, scopeOf } = parts;
  const source = scopeOf((input) => text(input, 'SourceArn'));
  return {
    StartMessageMoveTask: {
      ...source,
      keyUses: (input) => keyUses(parts, input),
      run: (input, call) => start(parts, input, call),
    },
    ListMessageMoveTasks: {
      ...source,
      run: (input, call) => {
        const SourceArn = text(input, 'SourceArn');
        requireQueue(queues, SourceArn, 'SourceArn');
        requireRights(parts, call, SourceArn, TO_LOOK);
        const most = optionalInteger(input, 'MaxResults', { min: 1, max: MOST_TASKS }) ?? 1;
        return { Results: tasks.list(SourceArn, most) };
      },
    },
    CancelMessageMoveTask: {
      ...scopeOf((input) => parseTaskHandle(text(input, 'TaskHandle'))),
      run: (input, call) => {
        const handle = text(input, 'TaskHandle');
        requireRights(parts, call, parseTaskHandle(handle), TO_MOVE);
        return { ApproximateNumberOfMessagesMoved: tasks.cancel(handle).moved };
      },
    },
  };
}

/** "Configuring queue permissions for dead-letter queue redrive": the keys of encrypted queues. */
function keyUses(parts: MoveParts, input: Input): KeyUse[] {
  const { queues, keyUsesOf } = parts;
  const source = text(input, 'SourceArn');
  return [
    ...keyUsesOf(source, RECEIVE_ACTIONS),
    ...destinationsOf(queues, input).flatMap((arn) => keyUsesOf(arn, SEND_ACTIONS)),
  ];
}

function destinationsOf(queues: LiveQueues, input: Input): string[] {
  const given = optionalText(input, 'DestinationArn');
  return given ? [given] : queues.sourcesOf(text(input, 'SourceArn')).map(({ arn }) => arn);
}

function start(parts: MoveParts, input: Input, call: Call): Input {
  const { queues, tasks } = parts;
  const sourceArn = text(input, 'SourceArn');
  const destinationArn = optionalText(input, 'DestinationArn');
  const perSecond = optionalInteger(input, 'MaxNumberOfMessagesPerSecond', { min: 1, max: FASTEST });
  requireQueue(queues, sourceArn, 'SourceArn');
  if (queues.sourcesOf(sourceArn).length === 0) {
    throw new AwsError('InvalidParameterValue', 'Source queue must be configured as a Dead Letter Queue.');
  }
  if (destinationArn !== undefined) requireQueue(queues, destinationArn, 'DestinationArn');
  if (destinationArn === sourceArn) {
    const message = 'Source queue arn and destination queue arn cannot be the same.';
    throw new AwsError('InvalidParameterValue', message);
  }
  requireRights(parts, call, sourceArn, TO_MOVE);
  for (const arn of destinationsOf(queues, input)) requireRights(parts, call, arn, ['SendMessage']);
  return { TaskHandle: tasks.start({ sourceArn, destinationArn, perSecond }).handle };
}

/** One page of the queues of "ListDeadLetterSourceQueues". */
export function pageOfQueues<T>(all: T[], input: Input): { page: T[]; NextToken?: string } {
  const most = optionalInteger(input, 'MaxResults', { min: 1, max: MOST_QUEUES }) ?? MOST_QUEUES;
  const from = Number(optionalText(input, 'NextToken') ?? 0);
  const end = from + most;
  return { page: all.slice(from, end), ...(end < all.length && { NextToken: String(end) }) };
}

function requireQueue(queues: LiveQueues, arn: string, parameter: string): void {
  if (queues.get(arn)) return;
  const message = `The resource that you specified for the ${parameter} parameter doesn't exist.`;
  throw new AwsError('ResourceNotFoundException', message, 404);
}

/**
 * "Configuring queue permissions for dead-letter queue redrive": the caller needs these beside the call's own action.
 */
const TO_MOVE = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'];
const TO_LOOK = ['GetQueueAttributes'];

function requireRights({ allows }: MoveParts, call: Call, arn: string, actions: readonly string[]): void {
  const missing = actions.map((action) => `sqs:${action}`).find((action) => !allows(call, action, arn));
  if (missing === undefined) return;
  throw new AwsError('AccessDenied', `Not authorized to perform: ${missing} on resource: ${arn}`, 403);
}
