/**
 * Types of services that the embedded cloud does not have. Their properties are checked, and they answer `Ref` and
 * `Fn::GetAtt` as AWS would. They have no other effect: no log is kept, no notification is sent, no packet is routed
 * and no image is kept.
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { type Resource, type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  documentProperty,
  numberProperty,
  properties,
  tagListProperty,
  textProperty,
} from './properties.ts';

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
    DataProtectionPolicy: v.optional(documentProperty),
    KmsKeyId: v.optional(textProperty),
    LogGroupClass: v.optional(textProperty),
    LogGroupName: v.optional(textProperty),
    RetentionInDays: v.optional(numberProperty),
    Tags: v.optional(tagListProperty),
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
    ContentBasedDeduplication: v.optional(booleanProperty),
    DisplayName: v.optional(textProperty),
    FifoTopic: v.optional(booleanProperty),
    KmsMasterKeyId: v.optional(textProperty),
    Tags: v.optional(tagListProperty),
    TopicName: v.optional(textProperty),
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
    DeliverLogsPermissionArn: v.optional(textProperty),
    DestinationOptions: v.optional(documentProperty),
    LogDestination: v.optional(textProperty),
    LogDestinationType: v.optional(textProperty),
    LogFormat: v.optional(textProperty),
    LogGroupName: v.optional(textProperty),
    MaxAggregationInterval: v.optional(numberProperty),
    ResourceId: textProperty,
    ResourceType: textProperty,
    Tags: v.optional(tagListProperty),
    TrafficType: v.optional(textProperty),
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
    EmptyOnDelete: v.optional(booleanProperty),
    ImageScanningConfiguration: v.optional(properties({ ScanOnPush: v.optional(booleanProperty) })),
    ImageTagMutability: v.optional(textProperty),
    LifecyclePolicy: v.optional(
      properties({ LifecyclePolicyText: v.optional(textProperty), RegistryId: v.optional(textProperty) }),
    ),
    RepositoryName: v.optional(textProperty),
    RepositoryPolicyText: v.optional(documentProperty),
    Tags: v.optional(tagListProperty),
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
