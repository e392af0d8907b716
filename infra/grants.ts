import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { useKeys } from './keys.ts';
import { BODIES, LOGS } from './log-bucket.ts';
import { FLEET_ITEM, flat, groupArnOf, INSTANCE_ITEMS, indexesOf, JOB_ITEMS, ofKeys } from './permissions.ts';
import type { EncryptionKeys } from './props.ts';
import type { WorkerFleet } from './worker-fleet.ts';

/** `enqueue` and `enqueueMany`: messages, records of new jobs, and bodies that are too long for a message. */
export function grantEnqueue(fleet: WorkerFleet, grantee: IGrantable): Grant {
  return together(
    fleet.queue.grant(grantee, 'sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'),
    ...useKeys(keysOf(fleet), grantee, { queues: ['write'], table: ['read', 'write'], logBucket: ['write'] }),
    grantParameter(fleet, grantee),
    onItems(
      fleet,
      grantee,
      [JOB_ITEMS],
      ...['PutItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'BatchGetItem'],
    ),
    onObjects(fleet, grantee, BODIES, 's3:PutObject'),
  );
}

/** `status`, `wait`, `list` and `logs`, and what a queued job waits for: reads, and changes nothing. */
export function grantFollow(fleet: WorkerFleet, grantee: IGrantable): Grant {
  acknowledge(grantee, '*', 'AWS cannot scope the Describe actions of Auto Scaling.');
  return together(
    grantParameter(fleet, grantee),
    ...useKeys(keysOf(fleet), grantee, { table: ['read'], logBucket: ['read'] }),
    onItems(fleet, grantee, [JOB_ITEMS], 'GetItem', 'BatchGetItem'),
    onItems(fleet, grantee, [INSTANCE_ITEMS], 'BatchGetItem'),
    onItems(fleet, grantee, [FLEET_ITEM], 'GetItem'),
    allow(grantee, [fleet.queue.queueArn, fleet.deadLetterQueue.queueArn], 'sqs:GetQueueAttributes'),
    allow(
      grantee,
      ['*'],
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeScalingActivities',
      'autoscaling:DescribeWarmPool',
    ),
    // It cannot be narrowed to some items.
    allow(grantee, [fleet.table.tableArn], 'dynamodb:Scan'),
    allow(grantee, indexesOf(fleet.table), 'dynamodb:Query'),
    onObjects(fleet, grantee, BODIES, 's3:GetObject'),
    onObjects(fleet, grantee, LOGS, 's3:GetObject'),
    // Also what tells a chunk that is not there yet from one that may not be read ("GetObject").
    allow(grantee, [fleet.logBucket.bucketArn], 's3:ListBucket'),
  );
}

/** All verbs: beside the others' rights those to cancel, retry, clean up, redrive, pause, drain, and to look at the instances. */
export function grantOperate(fleet: WorkerFleet, grantee: IGrantable): Grant {
  const group = groupArnOf(fleet, fleet.autoScalingGroup.autoScalingGroupName);
  acknowledge(grantee, '*', 'AWS cannot scope the Describe actions of Auto Scaling and EC2.');
  acknowledge(grantee, group, 'The wildcard stands for the id of the group, which only its creation gives.');
  return together(
    grantEnqueue(fleet, grantee),
    grantFollow(fleet, grantee),
    onItems(fleet, grantee, [JOB_ITEMS, FLEET_ITEM, INSTANCE_ITEMS], 'UpdateItem'),
    onItems(fleet, grantee, [FLEET_ITEM, INSTANCE_ITEMS], 'GetItem'),
    allow(grantee, [fleet.table.tableArn], 'dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'),
    onObjects(fleet, grantee, BODIES, 's3:DeleteObject'),
    onObjects(fleet, grantee, LOGS, 's3:DeleteObject'),
    allow(
      grantee,
      [fleet.deadLetterQueue.queueArn],
      ...['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:PurgeQueue'],
    ),
    allow(grantee, [group], 'autoscaling:SuspendProcesses', 'autoscaling:ResumeProcesses'),
    allow(grantee, ['*'], 'autoscaling:DescribeLifecycleHooks', 'autoscaling:DescribePolicies'),
    allow(grantee, ['*'], 'ec2:DescribeSubnets', 'ec2:DescribeRouteTables', 'ec2:DescribeVpcEndpoints'),
    allow(
      grantee,
      [fleet.backlogAlarm.alarmArn, fleet.bootBreakerAlarm.alarmArn],
      'cloudwatch:DescribeAlarms',
    ),
  );
}

const keysOf = ({ queue, table, logBucket }: WorkerFleet): EncryptionKeys => ({
  ...(queue.encryptionMasterKey && { queues: queue.encryptionMasterKey }),
  ...(table.encryptionKey && { table: table.encryptionKey }),
  ...(logBucket.encryptionKey && { logBucket: logBucket.encryptionKey }),
});

/** To find the fleet, by its stack and name or as the only one of its stack. */
function grantParameter(fleet: WorkerFleet, grantee: IGrantable): Grant {
  const stack = Stack.of(fleet);
  const path = stack.formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: `mayfly/${stack.stackName}`,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
  return together(
    allow(grantee, [fleet.parameter.parameterArn], 'ssm:GetParameter'),
    allow(grantee, [path], 'ssm:GetParametersByPath'),
  );
}

function onItems(fleet: WorkerFleet, grantee: IGrantable, keys: string[], ...actions: string[]): Grant {
  return Grant.addToPrincipal({
    grantee,
    actions: actions.map((action) => `dynamodb:${action}`),
    resourceArns: [fleet.table.tableArn],
    conditions: ofKeys(...keys),
  });
}

function onObjects(fleet: WorkerFleet, grantee: IGrantable, prefix: string, ...actions: string[]): Grant {
  const objects = fleet.logBucket.arnForObjects(`${prefix}*`);
  acknowledge(grantee, objects, 'What a job is called is known when it is enqueued.');
  return allow(grantee, [objects], ...actions);
}

function allow(grantee: IGrantable, resourceArns: string[], ...actions: string[]): Grant {
  return Grant.addToPrincipal({ grantee, actions, resourceArns });
}

const together = (first: Grant, ...others: Grant[]): Grant =>
  others.reduce((all, one) => all.combine(one), first);

/** So that an owner who has the app checked by cdk-nag does not have to explain what this construct has granted. */
function acknowledge({ grantPrincipal }: IGrantable, arn: string, reason: string): void {
  if (!Construct.isConstruct(grantPrincipal)) return;
  const id = `AwsSolutions-IAM5[Resource::${flat(Stack.of(grantPrincipal).resolve(arn))}]`;
  Validations.of(grantPrincipal).acknowledge({ id, reason });
}
