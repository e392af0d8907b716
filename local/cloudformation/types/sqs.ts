import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  documentProperty,
  droppedDefaults,
  ignoreErrors,
  mergeTags,
  numberProperty,
  policyText,
  properties,
  tagChanges,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const GONE = ['AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist'];

const queueSchema = properties({
  ContentBasedDeduplication: v.optional(booleanProperty),
  DeduplicationScope: v.optional(textProperty),
  DelaySeconds: v.optional(numberProperty),
  FifoQueue: v.optional(booleanProperty),
  FifoThroughputLimit: v.optional(textProperty),
  KmsDataKeyReusePeriodSeconds: v.optional(numberProperty),
  KmsMasterKeyId: v.optional(textProperty),
  MaximumMessageSize: v.optional(numberProperty),
  MessageRetentionPeriod: v.optional(numberProperty),
  QueueName: v.optional(textProperty),
  ReceiveMessageWaitTimeSeconds: v.optional(numberProperty),
  RedrivePolicy: v.optional(documentProperty),
  SqsManagedSseEnabled: v.optional(booleanProperty),
  Tags: v.optional(tagListProperty),
  VisibilityTimeout: v.optional(numberProperty),
});
type QueueProps = v.InferOutput<typeof queueSchema>;

/** The values of properties that a template drops ("SetQueueAttributes"). */
const DEFAULTS: Record<string, string> = {
  ContentBasedDeduplication: 'false',
  DeduplicationScope: 'queue',
  DelaySeconds: '0',
  FifoThroughputLimit: 'perQueue',
  KmsDataKeyReusePeriodSeconds: '300',
  KmsMasterKeyId: '',
  MaximumMessageSize: '1048576',
  MessageRetentionPeriod: '345600',
  ReceiveMessageWaitTimeSeconds: '0',
  RedrivePolicy: '',
  SqsManagedSseEnabled: 'true',
  VisibilityTimeout: '30',
};

function attributesOf({ QueueName: _name, Tags: _tags, ...rest }: QueueProps): Record<string, string> {
  const entries = Object.entries(rest).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  );
}

async function described(QueueUrl: string, QueueName: string, { call }: ResourceContext) {
  const AttributeNames = ['QueueArn'];
  const { Attributes } = await call('sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames });
  const Arn = (Attributes as Record<string, string> | undefined)?.['QueueArn'];
  return { physicalId: QueueUrl, attributes: { Arn, QueueName, QueueUrl } };
}

const queue = resourceType<QueueProps>({
  type: 'AWS::SQS::Queue',
  schema: queueSchema,
  createOnly: ['FifoQueue', 'QueueName'],
  nameProperty: 'QueueName',
  taggable: true,
  attributes: ['Arn', 'QueueName', 'QueueUrl'],
  async create(props, context) {
    const ending = props.FifoQueue ? '.fifo' : '';
    const QueueName = props.QueueName ?? context.generatedName(80 - ending.length) + ending;
    const answer = await context.call('sqs', 'CreateQueue', {
      QueueName,
      Attributes: attributesOf(props),
      tags: mergeTags(props.Tags, context),
    });
    const url = String(answer['QueueUrl']);
    context.reportCreated(url);
    return described(url, QueueName, context);
  },
  async update({ physicalId, attributes }, props, previous, context) {
    const changes = { ...droppedDefaults(DEFAULTS, props, previous), ...attributesOf(props) };
    delete changes['FifoQueue'];
    if (Object.keys(changes).length > 0) {
      await context.call('sqs', 'SetQueueAttributes', { QueueUrl: physicalId, Attributes: changes });
    }
    await retag(physicalId, props, previous, context);
    return { physicalId, attributes };
  },
  async delete({ physicalId }, _props, { call }) {
    await ignoreErrors(GONE, () => call('sqs', 'DeleteQueue', { QueueUrl: physicalId }));
  },
});

async function retag(QueueUrl: string, props: QueueProps, previous: QueueProps, context: ResourceContext) {
  const { wanted, dropped } = tagChanges(props.Tags, previous.Tags, context);
  if (dropped.length > 0) await context.call('sqs', 'UntagQueue', { QueueUrl, TagKeys: dropped });
  await context.call('sqs', 'TagQueue', { QueueUrl, Tags: wanted });
}

const policySchema = properties({ PolicyDocument: documentProperty, Queues: textListProperty });

async function setPolicies(Queues: string[], Policy: string, { call }: ResourceContext): Promise<void> {
  for (const QueueUrl of Queues)
    await call('sqs', 'SetQueueAttributes', { QueueUrl, Attributes: { Policy } });
}

const queuePolicy = resourceType<v.InferOutput<typeof policySchema>>({
  type: 'AWS::SQS::QueuePolicy',
  schema: policySchema,
  createOnly: [],
  attributes: ['Id'],
  async create(props, context) {
    await setPolicies(props.Queues, policyText(props.PolicyDocument), context);
    const physicalId = context.generatedName();
    return { physicalId, attributes: { Id: physicalId } };
  },
  async update(resource, props, previous, context) {
    const left = previous.Queues.filter((url) => !props.Queues.includes(url));
    await setPolicies(left, '', context);
    await setPolicies(props.Queues, policyText(props.PolicyDocument), context);
    return resource;
  },
  async delete(_resource, props, context) {
    await ignoreErrors(GONE, () => setPolicies(props.Queues, '', context));
  },
});

export const sqsTypes: ResourceType[] = [queue, queuePolicy];
