/**
 * Types of services that the embedded cloud does not have. Their properties are checked, and they answer `Ref` and
 * `Fn::GetAtt` as AWS would. They have no other effect: no log is kept, no notification is sent, no packet is routed
 * and no image is kept.
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { type Resource, type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { boolean, document, number, properties, tagList, text } from './properties.ts';

interface Inert<Props> {
  type: string;
  schema: v.GenericSchema<unknown, Props>;
  createOnly: string[];
  nameProperty?: string;
  attributes: string[];
  make(props: Props, context: ResourceContext): Resource;
}

/** A type with only an id and attributes. */
export function inert<Props extends Record<string, unknown>>({ make, ...rest }: Inert<Props>): ResourceType {
  return resourceType<Props>({
    ...rest,
    create: async (props, context) => make(props, context),
    update: async (resource) => resource,
    async delete() {},
  });
}

function newId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

const logGroup = inert({
  type: 'AWS::Logs::LogGroup',
  schema: properties({
    DataProtectionPolicy: v.optional(document),
    KmsKeyId: v.optional(text),
    LogGroupClass: v.optional(text),
    LogGroupName: v.optional(text),
    RetentionInDays: v.optional(number),
    Tags: v.optional(tagList),
  }),
  createOnly: ['LogGroupClass', 'LogGroupName'],
  nameProperty: 'LogGroupName',
  attributes: ['Arn'],
  make({ LogGroupName }, { region, accountId, generatedName }) {
    const name = LogGroupName ?? generatedName(512);
    return {
      physicalId: name,
      attributes: { Arn: `arn:aws:logs:${region}:${accountId}:log-group:${name}:*` },
    };
  },
});

const topic = inert({
  type: 'AWS::SNS::Topic',
  schema: properties({
    ContentBasedDeduplication: v.optional(boolean),
    DisplayName: v.optional(text),
    FifoTopic: v.optional(boolean),
    KmsMasterKeyId: v.optional(text),
    Tags: v.optional(tagList),
    TopicName: v.optional(text),
  }),
  createOnly: ['FifoTopic', 'TopicName'],
  nameProperty: 'TopicName',
  attributes: ['TopicArn', 'TopicName'],
  make(props, { region, accountId, generatedName }) {
    const ending = props.FifoTopic ? '.fifo' : '';
    const TopicName = props.TopicName ?? generatedName(256 - ending.length) + ending;
    const TopicArn = `arn:aws:sns:${region}:${accountId}:${TopicName}`;
    return { physicalId: TopicArn, attributes: { TopicArn, TopicName } };
  },
});

const flowLog = inert({
  type: 'AWS::EC2::FlowLog',
  schema: properties({
    DeliverLogsPermissionArn: v.optional(text),
    DestinationOptions: v.optional(document),
    LogDestination: v.optional(text),
    LogDestinationType: v.optional(text),
    LogFormat: v.optional(text),
    LogGroupName: v.optional(text),
    MaxAggregationInterval: v.optional(number),
    ResourceId: text,
    ResourceType: text,
    Tags: v.optional(tagList),
    TrafficType: v.optional(text),
  }),
  createOnly: [
    ...[
      'DeliverLogsPermissionArn',
      'DestinationOptions',
      'LogDestination',
      'LogDestinationType',
      'LogFormat',
    ],
    ...['LogGroupName', 'MaxAggregationInterval', 'ResourceId', 'ResourceType', 'TrafficType'],
  ],
  attributes: ['Id'],
  make() {
    const Id = newId('fl');
    return { physicalId: Id, attributes: { Id } };
  },
});

const repository = inert({
  type: 'AWS::ECR::Repository',
  schema: properties({
    EmptyOnDelete: v.optional(boolean),
    ImageScanningConfiguration: v.optional(properties({ ScanOnPush: v.optional(boolean) })),
    ImageTagMutability: v.optional(text),
    LifecyclePolicy: v.optional(
      properties({ LifecyclePolicyText: v.optional(text), RegistryId: v.optional(text) }),
    ),
    RepositoryName: v.optional(text),
    RepositoryPolicyText: v.optional(document),
    Tags: v.optional(tagList),
  }),
  createOnly: ['RepositoryName'],
  nameProperty: 'RepositoryName',
  attributes: ['Arn', 'RepositoryUri'],
  make({ RepositoryName }, { region, accountId, generatedName }) {
    const name = RepositoryName ?? generatedName(256).toLowerCase();
    return {
      physicalId: name,
      attributes: {
        Arn: `arn:aws:ecr:${region}:${accountId}:repository/${name}`,
        RepositoryUri: `${accountId}.dkr.ecr.${region}.amazonaws.com/${name}`,
      },
    };
  },
});

export const inertTypes: ResourceType[] = [logGroup, topic, flowLog, repository];
