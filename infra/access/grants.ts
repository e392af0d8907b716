import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BODY_PREFIX } from '../../jobs/body-key.ts';
import { JOB_LOG_PREFIX } from '../../store/bucket-keys.ts';
import type { EncryptionKeys } from '../props/stores.ts';
import type { FleetArns } from './fleet-arns.ts';
import { grantKeys } from './keys.ts';
import {
  conditionOnKeys,
  FLEET_ITEM,
  formatIndexArns,
  formatResolved,
  GROUP_ITEMS,
  INSTANCE_ITEMS,
  JOB_ITEMS,
  PLACE_ITEMS,
  REQUEST_ITEMS,
  TARGET_ITEMS,
} from './permissions.ts';

/** What grants have to know of a fleet of this app or of another. */
export interface GrantTarget {
  queue: IQueue;
  arns: FleetArns;
  encryptionKeys: EncryptionKeys;
  /** The parameter of the fleet facts, and the path of the parameters of all fleets of the stack. */
  parameterArn: string;
  stackParametersArn: string;
}

/** What a job that enters a group changes: its record, the group, its target, and its place in the group. */
const ENTERED_ITEMS = [JOB_ITEMS, GROUP_ITEMS, TARGET_ITEMS, PLACE_ITEMS];

/**
 * For `enqueue` and `enqueueMany`, also into groups: messages, records of new jobs, bodies that are too long for a message,
 * and what keeps the jobs of a group apart. The one who enters a job releases what may run then, so no job waits for the keeper.
 */
export function grantEnqueue(fleet: GrantTarget, grantee: IGrantable): Grant {
  return together(
    fleet.queue.grant(grantee, 'sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'),
    ...grantKeys(fleet.encryptionKeys, grantee, {
      queues: ['write'],
      table: ['read', 'write'],
      logBucket: ['write'],
    }),
    grantParameter(fleet, grantee),
    onItems(
      fleet,
      grantee,
      ENTERED_ITEMS,
      ...['PutItem', 'UpdateItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'BatchGetItem'],
    ),
    onItems(fleet, grantee, [REQUEST_ITEMS], 'GetItem', 'BatchGetItem'),
    onObjects(fleet, grantee, BODY_PREFIX, 's3:PutObject'),
  );
}

/**
 * For `request run` and the other changes of requests: the permissions above, and those to write requests. Lists of requests and
 * jobs, and the long bodies that `request retry` reads, need `grantFollow`.
 */
export function grantRequest(fleet: GrantTarget, grantee: IGrantable): Grant {
  return together(
    grantEnqueue(fleet, grantee),
    onItems(fleet, grantee, [REQUEST_ITEMS], 'PutItem', 'UpdateItem'),
  );
}

/** For `status`, `wait`, `list` and `logs`, and for the reason why a job waits or is held. It permits no change. */
export function grantFollow(fleet: GrantTarget, grantee: IGrantable): Grant {
  acknowledge(grantee, '*', 'AWS cannot scope the Describe actions of Auto Scaling.');
  return together(
    grantParameter(fleet, grantee),
    ...grantKeys(fleet.encryptionKeys, grantee, { table: ['read'], logBucket: ['read'] }),
    onItems(fleet, grantee, [...ENTERED_ITEMS, REQUEST_ITEMS], 'GetItem', 'BatchGetItem'),
    onItems(fleet, grantee, [INSTANCE_ITEMS], 'BatchGetItem'),
    onItems(fleet, grantee, [FLEET_ITEM], 'GetItem'),
    allow(grantee, [fleet.arns.queue, fleet.arns.deadLetterQueue], 'sqs:GetQueueAttributes'),
    allow(
      grantee,
      ['*'],
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeScalingActivities',
      'autoscaling:DescribeWarmPool',
    ),
    // IAM cannot restrict a Scan to some items.
    allow(grantee, [fleet.arns.table], 'dynamodb:Scan'),
    allow(grantee, formatIndexArns(fleet.arns.table), 'dynamodb:Query'),
    onObjects(fleet, grantee, BODY_PREFIX, 's3:GetObject'),
    onObjects(fleet, grantee, JOB_LOG_PREFIX, 's3:GetObject'),
    // Without it S3 answers 403 for a chunk that does not exist yet ("GetObject").
    allow(grantee, [fleet.arns.logBucket], 's3:ListBucket'),
  );
}

/**
 * For all verbs: the permissions above, and those to cancel, retry, clean up, redrive, set, pause and free groups, pause the
 * fleet, drain and list instances.
 */
export function grantOperate(fleet: GrantTarget, grantee: IGrantable): Grant {
  const { group } = fleet.arns;
  acknowledge(grantee, '*', 'AWS cannot scope the Describe actions of Auto Scaling and EC2.');
  acknowledge(grantee, group, 'The wildcard stands for the id of the group, which only its creation gives.');
  return together(
    grantRequest(fleet, grantee),
    grantFollow(fleet, grantee),
    onItems(fleet, grantee, [FLEET_ITEM, INSTANCE_ITEMS], 'UpdateItem'),
    onItems(fleet, grantee, [FLEET_ITEM, INSTANCE_ITEMS], 'GetItem'),
    allow(grantee, [fleet.arns.table], 'dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'),
    onObjects(fleet, grantee, BODY_PREFIX, 's3:DeleteObject'),
    onObjects(fleet, grantee, JOB_LOG_PREFIX, 's3:DeleteObject'),
    allow(
      grantee,
      [fleet.arns.deadLetterQueue],
      ...['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:PurgeQueue'],
    ),
    allow(grantee, [group], 'autoscaling:SuspendProcesses', 'autoscaling:ResumeProcesses'),
    allow(grantee, ['*'], 'autoscaling:DescribeLifecycleHooks', 'autoscaling:DescribePolicies'),
    allow(grantee, ['*'], 'ec2:DescribeSubnets', 'ec2:DescribeRouteTables', 'ec2:DescribeVpcEndpoints'),
    allow(grantee, [fleet.arns.backlogAlarm, fleet.arns.bootBreakerAlarm], 'cloudwatch:DescribeAlarms'),
  );
}

/** To find a fleet by its stack and name, or as the only fleet of its stack. */
function grantParameter(fleet: GrantTarget, grantee: IGrantable): Grant {
  return together(
    allow(grantee, [fleet.parameterArn], 'ssm:GetParameter'),
    allow(grantee, [fleet.stackParametersArn], 'ssm:GetParametersByPath'),
  );
}

/** ARN of a fleet's parameter by the fleet's name, or of the path of a stack's parameters by the stack's name. */
export function formatParameterArn(stack: Stack, name: string): string {
  return stack.formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: `mayfly/${name}`,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}

function onItems(fleet: GrantTarget, grantee: IGrantable, keys: string[], ...actions: string[]): Grant {
  return Grant.addToPrincipal({
    grantee,
    actions: actions.map((action) => `dynamodb:${action}`),
    resourceArns: [fleet.arns.table],
    conditions: conditionOnKeys(...keys),
  });
}

function onObjects(fleet: GrantTarget, grantee: IGrantable, prefix: string, ...actions: string[]): Grant {
  const objects = `${fleet.arns.logBucket}/${prefix}*`;
  acknowledge(grantee, objects, 'What a job is called is known when it is enqueued.');
  return allow(grantee, [objects], ...actions);
}

function allow(grantee: IGrantable, resourceArns: string[], ...actions: string[]): Grant {
  return Grant.addToPrincipal({ grantee, actions, resourceArns });
}

const together = (first: Grant, ...others: Grant[]): Grant =>
  others.reduce((all, one) => all.combine(one), first);

/** Acknowledges a finding of cdk-nag, so that an owner whose app it checks need not explain grants of this construct. */
function acknowledge({ grantPrincipal }: IGrantable, arn: string, reason: string): void {
  if (!Construct.isConstruct(grantPrincipal)) return;
  const id = `AwsSolutions-IAM5[Resource::${formatResolved(Stack.of(grantPrincipal).resolve(arn))}]`;
  Validations.of(grantPrincipal).acknowledge({ id, reason });
}
