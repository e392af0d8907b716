import type { Call, CloudContext, Input, Operation, RunningService } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import { changeVisibility, changeVisibilityBatch, deleteMessage, deleteMessageBatch } from './handles.ts';
import { createPurge } from './purge.ts';
import { sqsQueryForm } from './query-form.ts';
import type { Queue } from './queue.ts';
import { QueuePolicies } from './queue-policies.ts';
import { fauxqsUrl, queueArn, queueNameOf, queueUrl } from './queue-url.ts';
import { createQueue, deleteQueue, getQueueAttributes, setQueueAttributes } from './queues.ts';
import { receiveMessages } from './receive.ts';
import { sendMessage, sendMessageBatch } from './send.ts';

type QueueOperation = (
  queue: Queue,
  input: Input,
  call: Call,
) => Promise<Record<string, unknown> | undefined>;

/** SQS: fauxqs, and at its door what it gets wrong and a job depends on. */
export function createSqs(context: CloudContext, fauxqs: Fauxqs): RunningService {
  const { accountId } = context;
  const policies = new QueuePolicies();
  const nameIn = (input: Input) => String(input['QueueName'] ?? queueNameOf(input['QueueUrl'], accountId));
  const resources = (input: Input) => [queueArn(context.region, accountId, nameIn(input))];
  const resourcePolicies = (input: Input) => policies.of(nameIn(input));
  const onQueue = (run: QueueOperation, iamAction?: string): Operation => ({
    ...(iamAction ? { iamAction } : {}),
    ...{ resources, resourcePolicies },
    run: (input, call) => {
      const name = queueNameOf(input['QueueUrl'], accountId);
      const url = fauxqsUrl(call.region, accountId, name);
      const ask: Queue['ask'] = (action, rest) => fauxqs.sqs(action, { ...rest, QueueUrl: url }, call.region);
      return run({ name, ask }, input, call);
    },
  });
  const asItIs = (action: string) => onQueue((queue, input) => queue.ask(action, input));
  const localUrl = (url: unknown) => queueUrl(context.endpoint(), accountId, queueNameOf(url, accountId));

  const operations: Record<string, Operation> = {
    CreateQueue: {
      resources,
      run: async (input, call) => {
        const output = await createQueue(fauxqs, policies, input, call.region);
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
    DeleteQueue: onQueue((queue) => deleteQueue(queue, policies)),
    PurgeQueue: onQueue(createPurge()),
    TagQueue: asItIs('TagQueue'),
    UntagQueue: asItIs('UntagQueue'),
    ListQueueTags: asItIs('ListQueueTags'),
    GetQueueAttributes: onQueue(getQueueAttributes),
    SetQueueAttributes: onQueue((queue, input) => setQueueAttributes(queue, policies, input)),
    SendMessage: onQueue(sendMessage),
    SendMessageBatch: onQueue(sendMessageBatch, 'SendMessage'),
    ReceiveMessage: onQueue(receiveMessages),
    DeleteMessage: onQueue(deleteMessage),
    DeleteMessageBatch: onQueue(deleteMessageBatch, 'DeleteMessage'),
    ChangeMessageVisibility: onQueue(changeVisibility),
    ChangeMessageVisibilityBatch: onQueue(changeVisibilityBatch, 'ChangeMessageVisibility'),
  };
  return {
    service: {
      name: 'sqs',
      xmlNamespace: 'http://queue.amazonaws.com/doc/2012-11-05/',
      queryErrorCodes: QUERY_ERROR_CODES,
      query: sqsQueryForm,
      operations,
    },
    close: async () => {},
  };
}

/** "Amazon SQS API reference", the errors that had longer names in the Query protocol. */
const QUERY_ERROR_CODES: Record<string, string> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
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
