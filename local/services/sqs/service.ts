import type { Dispatcher } from '../../front-door/dispatch.ts';
import type { Call, CloudContext, Input, Operation, RunningService } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import type { Keys } from '../kms/keys.ts';
import { QueueActivity } from './activity.ts';
import { changeVisibility, changeVisibilityBatch, deleteMessage, deleteMessageBatch } from './handles.ts';
import { LiveQueues } from './live-queues.ts';
import { moveOperations, pageOfQueues } from './move-operations.ts';
import { MoveTasks } from './move-tasks.ts';
import { createPurge } from './purge.ts';
import { sqsQueryForm } from './query-form.ts';
import type { Queue } from './queue.ts';
import { QueueKeys, RECEIVE_ACTIONS, SEND_ACTIONS } from './queue-keys.ts';
import { QueuePolicies } from './queue-policies.ts';
import { fauxqsUrl, parseQueueArn, parseQueueUrl, queueArn, queueUrl } from './queue-url.ts';
import { createQueue, deleteQueue, getQueueAttributes, setQueueAttributes } from './queues.ts';
import { receiveMessages } from './receive.ts';
import { sendMessage, sendMessageBatch } from './send.ts';

type QueueOperation = (
  queue: Queue,
  input: Input,
  call: Call,
) => Promise<Record<string, unknown> | undefined>;

export interface Sqs extends RunningService {
  /** Which queues report metrics. */
  activity: QueueActivity;
}

/** SQS: fauxqs, with corrections of what it does differently from AWS and jobs depend on. */
export function createSqs(
  context: CloudContext,
  fauxqs: Fauxqs,
  keys: Keys,
  allows: Dispatcher['allows'],
): Sqs {
  const { accountId, clock } = context;
  const activity = new QueueActivity(clock);
  const live = new LiveQueues(fauxqs.queues, clock);
  const policies = new QueuePolicies();
  const nameIn = (input: Input) => String(input['QueueName'] ?? parseQueueUrl(input['QueueUrl'], accountId));
  const resources = (input: Input) => [queueArn(context.region, accountId, nameIn(input))];
  const resourcePolicies = (input: Input) => policies.of(nameIn(input));
  const queueNamed = (name: string, region: string): Queue => {
    const QueueUrl = fauxqsUrl(region, accountId, name);
    const arn = queueArn(region, accountId, name);
    live.expire(arn);
    return {
      name,
      call(action, input) {
        const call = () => fauxqs.sqs(action, { ...input, QueueUrl }, region);
        return action.startsWith('SendMessage') ? live.groups.send(input, call) : call();
      },
      deadLetterSource: (handle) => live.sourceOf(arn, handle),
    };
  };
  const onQueue = (run: QueueOperation, iamAction?: string): Operation => ({
    ...(iamAction ? { iamAction } : {}),
    ...{ resources, resourcePolicies },
    run: (input, call) =>
      run(queueNamed(parseQueueUrl(input['QueueUrl'], accountId), call.region), input, call),
  });
  const onMessages = (run: QueueOperation, iamAction?: string): Operation =>
    onQueue((queue, input, call) => {
      activity.recordUse(queue.name);
      return run(queue, input, call);
    }, iamAction);
  const queueKeys = new QueueKeys(keys);
  const byKey = (operation: Operation, actions: string[]): Operation => ({
    ...operation,
    keyUses: (input) => queueKeys.usesOf(queueArn(context.region, accountId, nameIn(input)), actions),
  });
  const asItIs = (action: string) => onQueue((queue, input) => queue.call(action, input));
  const localUrl = (url: unknown) => queueUrl(context.endpoint(), accountId, parseQueueUrl(url, accountId));

  const tasks = new MoveTasks({
    clock,
    queue: (arn) => {
      activity.recordUse(parseQueueArn(arn));
      return queueNamed(parseQueueArn(arn), context.region);
    },
    waiting: (arn) => Number(live.get(arn)?.getAttribute('ApproximateNumberOfMessages') ?? 0),
  });

  const operations: Record<string, Operation> = {
    CreateQueue: {
      resources,
      run: async (input, call) => {
        const output = await createQueue(fauxqs, policies, input, call.region);
        activity.recordUse(nameIn(input));
        queueKeys.set(nameIn(input), input);
        return { QueueUrl: localUrl(output['QueueUrl']) };
      },
    },
    GetQueueUrl: {
      ...{ resources, resourcePolicies },
      run: async (input, call) => {
        const output = await fauxqs.sqs('GetQueueUrl', input, call.region);
        return { QueueUrl: localUrl(output['QueueUrl']) };
      },
    },
    ListQueues: {
      run: async (input, call) => {
        const output = await fauxqs.sqs('ListQueues', input, call.region);
        const urls = (output['QueueUrls'] as string[]).filter((url) => url.includes(`sqs.${call.region}.`));
        return { ...output, QueueUrls: urls.map(localUrl) };
      },
    },
    DeleteQueue: onQueue((queue) => {
      activity.forget(queue.name);
      queueKeys.forget(queue.name);
      return deleteQueue(queue, policies);
    }),
    PurgeQueue: onMessages(createPurge()),
    TagQueue: asItIs('TagQueue'),
    UntagQueue: asItIs('UntagQueue'),
    ListQueueTags: asItIs('ListQueueTags'),
    ListDeadLetterSourceQueues: onQueue(async ({ name }, input, { region }) => {
      const sources = live.sourcesOf(queueArn(region, accountId, name));
      const { page, NextToken } = pageOfQueues(sources, input);
      return { queueUrls: page.map(({ url }) => localUrl(url)), NextToken };
    }),
    ...moveOperations({
      ...{ queues: live, tasks },
      scopeOf: (arn) => ({
        resources: (input) => [arn(input)],
        resourcePolicies: (input) => policies.of(parseQueueArn(arn(input))),
      }),
      keyUsesOf: (arn, actions) => queueKeys.usesOf(arn, actions),
      allows: (call, action, arn) => allows(call, action, arn, policies.of(parseQueueArn(arn))),
    }),
    GetQueueAttributes: onQueue(getQueueAttributes),
    SetQueueAttributes: onQueue(async (queue, input) => {
      const output = await setQueueAttributes(queue, policies, input);
      queueKeys.set(queue.name, input);
      return output;
    }),
    SendMessage: byKey(onMessages(sendMessage), SEND_ACTIONS),
    SendMessageBatch: byKey(onMessages(sendMessageBatch, 'SendMessage'), SEND_ACTIONS),
    ReceiveMessage: byKey(onMessages(receiveMessages), RECEIVE_ACTIONS),
    DeleteMessage: onMessages(deleteMessage),
    DeleteMessageBatch: onMessages(deleteMessageBatch, 'DeleteMessage'),
    ChangeMessageVisibility: onMessages(changeVisibility),
    ChangeMessageVisibilityBatch: onMessages(changeVisibilityBatch, 'ChangeMessageVisibility'),
  };
  return {
    service: {
      name: 'sqs',
      xmlNamespace: 'http://queue.amazonaws.com/doc/2012-11-05/',
      queryErrorCodes: QUERY_ERROR_CODES,
      keyRefusal: 'KmsAccessDenied',
      query: sqsQueryForm,
      operations,
    },
    activity,
    close: () => tasks.close(),
  };
}

/** "Amazon SQS API reference": the errors with longer names in the Query protocol. */
const QUERY_ERROR_CODES: Record<string, string> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
  KmsAccessDenied: 'KMS.AccessDeniedException',
  ...Object.fromEntries(
    [
      'BatchEntryIdsNotDistinct',
      'BatchRequestTooLong',
      'EmptyBatchRequest',
      'InvalidBatchEntryId',
      'MessageNotInflight',
      'PurgeQueueInProgress',
      'QueueDeletedRecently',
      'TooManyEntriesInBatchRequest',
      'UnsupportedOperation',
    ].map((code) => [code, `AWS.SimpleQueueService.${code}`]),
  ),
};
