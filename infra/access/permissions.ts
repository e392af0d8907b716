import { createHash } from 'node:crypto';
import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  type IRole,
  ManagedPolicy,
  Policy,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { BODY_PREFIX } from '../../jobs/body-key.ts';
import { INSTANCE_LOG_PREFIX, JOB_LOG_PREFIX } from '../../store/bucket-keys.ts';
import {
  FLEET_KEY,
  GROUP_PREFIX,
  INSTANCE_PREFIX,
  JOB_PREFIX,
  PLACE_PREFIX,
  REQUEST_PREFIX,
  TARGET_PREFIX,
} from '../../store/keys.ts';
import { LISTING_INDEX, STATE_INDEX } from '../../store/table-schema.ts';
import type { FleetAssets } from '../instance/fleet-assets.ts';
import { METRIC_NAMESPACE } from '../metrics.ts';

/**
 * Permissions of the roles, scoped as far as AWS allows ("Actions, resources, and condition keys", Service Authorization
 * Reference). `Describe*` of Auto Scaling cannot be scoped; `PutMetricData` only by namespace.
 */
interface Resources {
  queue: IQueue;
  table: Table;
  groupArn: string;
}

/** The role of the instances. */
export function createAgentRole(scope: Construct, systemsManagerAccess: boolean): Role {
  const role = new Role(scope, 'AgentRole', {
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    description: 'Instances: takes jobs and ends its own instance; never that of the workers',
  });
  if (systemsManagerAccess) {
    const policy = ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore');
    role.addManagedPolicy(policy);
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM4[Policy::${formatResolved(Stack.of(role).resolve(policy.managedPolicyArn))}]`,
      reason:
        'The owner switched Systems Manager on, whose agent needs what is in this policy; AWS keeps it in step ' +
        'with the agent, which a copy here would not be.',
    });
  }
  return role;
}

/** A resource apart from the role, so that the group can depend on it: agents need it until they are terminated. */
export function createAgentPolicy(
  scope: Construct,
  role: IRole,
  resources: Resources & { deadLetterQueue: IQueue; logBucket: Bucket; workerRole: IRole | undefined },
): Policy {
  const { queue, deadLetterQueue, table, logBucket, groupArn, workerRole } = resources;
  const objects = (prefix: string) => logBucket.arnForObjects(`${prefix}*`);
  const written = [JOB_LOG_PREFIX, BODY_PREFIX, INSTANCE_LOG_PREFIX].map(objects);
  const policy = new Policy(scope, 'AgentPolicy', {
    roles: [role],
    statements: [
      allow(
        [queue.queueArn],
        'sqs:ReceiveMessage',
        'sqs:DeleteMessage',
        'sqs:ChangeMessageVisibility',
        'sqs:GetQueueAttributes',
      ),
      // To the fleet's own queue: the agent that ends a job of a group releases the next one.
      allow([queue.queueArn, deadLetterQueue.queueArn], 'sqs:SendMessage'),
      // PutItem replaces the whole item, so agents may not use it on items of instances.
      allowOnItems(table, [JOB_ITEMS, GROUP_ITEMS, TARGET_ITEMS, PLACE_ITEMS], 'PutItem'),
      allowOnItems(
        table,
        [JOB_ITEMS, INSTANCE_ITEMS, GROUP_ITEMS, TARGET_ITEMS, REQUEST_ITEMS],
        'UpdateItem',
      ),
      allowOnItems(table, [GROUP_ITEMS, TARGET_ITEMS, PLACE_ITEMS], 'DeleteItem'),
      allowOnItems(table, ALL_ITEMS, 'GetItem', 'BatchGetItem'),
      allow(written, 's3:PutObject'),
      allow([objects(BODY_PREFIX)], 's3:GetObject'),
      // Without it S3 answers 403 for a body that does not exist ("GetObject").
      allow([logBucket.bucketArn], 's3:ListBucket'),
      allow(
        [groupArn],
        'autoscaling:TerminateInstanceInAutoScalingGroup',
        'autoscaling:SetInstanceHealth',
        'autoscaling:CompleteLifecycleAction',
        'autoscaling:RecordLifecycleActionHeartbeat',
      ),
      allow(['*'], 'autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeAutoScalingInstances'),
      ...(workerRole ? [allow([workerRole.roleArn], 'sts:AssumeRole')] : []),
    ],
  });
  acknowledgeWildcards(policy, groupArn);
  Validations.of(policy).acknowledge(
    ...written.map((arn) => ({
      id: `AwsSolutions-IAM5[Resource::${formatResolved(Stack.of(scope).resolve(arn))}]`,
      reason:
        'What a job or an instance is called is known when it runs. Agents add to these folders; they read only the ' +
        'bodies of jobs.',
    })),
  );
  return policy;
}

/**
 * The permission to read the assets. Each tree has its own policy: CloudFormation deletes the old one at the end of the update,
 * so that instances which boot from the old template during the update can still read the old tree.
 */
export function createTreePolicy(scope: Construct, role: IRole, { tree, node }: FleetAssets): Policy {
  const assets = [tree, node];
  const id = `AgentTreePolicy${tree.assetHash.slice(0, 8)}${node.assetHash.slice(0, 8)}`;
  const policy = new Policy(scope, id, {
    roles: [role],
    statements: [allow(assets.map(formatObjectArn), 's3:GetObject'), allowDecryptAssets(assets)],
  });
  Validations.of(policy).acknowledge(ASSET_KEY_ACKNOWLEDGEMENT);
  return policy;
}

/**
 * The permission to decrypt assets. `cdk bootstrap --bootstrap-kms-key-id` encrypts the bucket of assets with a key of the
 * owner, whose ARN an app does not know. So the statement names the objects instead: S3 passes KMS the ARN of the object as the
 * encryption context, or the ARN of the bucket if it uses an S3 Bucket Key ("Using server-side encryption with AWS KMS keys").
 * Without such a key the statement has no effect.
 */
export function allowDecryptAssets(assets: Asset[]): PolicyStatement {
  const bucketArns = new Map(
    assets.map((asset) => {
      const { bucketArn } = asset.bucket;
      return [JSON.stringify(Stack.of(asset).resolve(bucketArn)), bucketArn];
    }),
  );
  const arns = [...bucketArns.values(), ...assets.map(formatObjectArn)];
  return new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: ['*'],
    conditions: { StringEquals: { 'kms:EncryptionContext:aws:s3:arn': arns } },
  });
}

/**
 * The permission to read the vault password, for the role of instances that run the set-up. Each parameter has its own policy, as
 * each tree has. A key of the owner may be used for this parameter only: Systems Manager passes KMS the parameter's ARN as the
 * encryption context. Without a key of the owner the parameter has the AWS managed key, which all principals of the account may
 * use ("Restricting decryption of SecureString parameter values").
 */
export function createVaultPolicy(scope: Construct, id: string, role: IRole, parameter: IParameter): Policy {
  const { parameterArn } = parameter;
  // The interface lacks the member; the class has it.
  const { encryptionKey } = parameter as IParameter & { encryptionKey?: IKey };
  const name = JSON.stringify(Stack.of(scope).resolve(parameterArn));
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return new Policy(scope, `${id}${hash}`, {
    roles: [role],
    statements: [
      allow([parameterArn], 'ssm:GetParameter'),
      ...(encryptionKey
        ? [
            new PolicyStatement({
              actions: ['kms:Decrypt'],
              resources: [encryptionKey.keyArn],
              conditions: { StringEquals: { 'kms:EncryptionContext:PARAMETER_ARN': parameterArn } },
            }),
          ]
        : []),
    ],
  });
}

/** The acknowledgement of cdk-nag's finding on `allowDecryptAssets`. */
export const ASSET_KEY_ACKNOWLEDGEMENT = {
  id: 'AwsSolutions-IAM5[Resource::*]',
  reason:
    'The key of the bucket of assets is known to the bootstrap alone. The condition allows the key to be used for these ' +
    'assets alone.',
};

/** ARNs of the indexes of a table. */
export function formatIndexArns(tableArn: string): string[] {
  return [LISTING_INDEX, STATE_INDEX].map(({ name }) => `${tableArn}/index/${name}`);
}

/** The role of the keeper's Lambda function. */
export function createKeeperRole(scope: Construct): Role {
  return new Role(scope, 'KeeperRole', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: 'Keeper: wakes the fleet, settles what instances left behind',
  });
}

export function createKeeperPolicy(
  scope: Construct,
  role: IRole,
  resources: Resources & { logBucket: Bucket; warmPool: boolean },
): Policy {
  const { queue, table, logBucket, groupArn, warmPool } = resources;
  const policy = new Policy(scope, 'KeeperPolicy', {
    roles: [role],
    statements: [
      // It sends the jobs of groups whose release was cut off.
      allow([queue.queueArn], 'sqs:GetQueueAttributes', 'sqs:SendMessage'),
      allowOnItems(
        table,
        [JOB_ITEMS, INSTANCE_ITEMS, FLEET_ITEM, GROUP_ITEMS, TARGET_ITEMS, REQUEST_ITEMS],
        'UpdateItem',
      ),
      allowOnItems(table, ALL_ITEMS, 'GetItem', 'BatchGetItem'),
      // It creates checks and roll-backs that an agent could not, and drops requests that were never submitted whole.
      allowOnItems(table, [JOB_ITEMS, GROUP_ITEMS, TARGET_ITEMS, PLACE_ITEMS], 'PutItem', 'DeleteItem'),
      allowOnItems(table, [REQUEST_ITEMS], 'DeleteItem'),
      allowOnItems(table, [JOB_ITEMS], 'BatchWriteItem'),
      allow(formatIndexArns(table.tableArn), 'dynamodb:Query'),
      // The list of objects has the age of each.
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [logBucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': `${INSTANCE_LOG_PREFIX}*` } },
      }),
      allow(
        [groupArn],
        'autoscaling:ExecutePolicy',
        'autoscaling:SetDesiredCapacity',
        'autoscaling:SuspendProcesses',
        'autoscaling:TerminateInstanceInAutoScalingGroup',
        'autoscaling:CompleteLifecycleAction',
      ),
      allow(['*'], 'autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeScalingActivities'),
      ...(warmPool ? [allow(['*'], 'autoscaling:DescribeWarmPool')] : []),
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE } },
      }),
    ],
  });
  acknowledgeWildcards(policy, groupArn);
  return policy;
}

/** The role of the schedule, which may invoke this function only. Only schedules of this account may assume it. */
export function createSchedulerRole(scope: Construct, functionArn: string): Role {
  return new Role(scope, 'SchedulerRole', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description: 'Schedule: runs the keeper',
    inlinePolicies: {
      invoke: new PolicyDocument({ statements: [allow([functionArn], 'lambda:InvokeFunction')] }),
    },
  });
}

/**
 * ARN of the group. The id in its middle is a wildcard, as AWS generates it. With a pattern as `name` the ARN needs no reference to
 * the group, which would make a circular dependency.
 */
export function formatGroupArn(scope: Construct, name: string): string {
  return Stack.of(scope).formatArn({
    service: 'autoscaling',
    resource: 'autoScalingGroup:*:autoScalingGroupName',
    resourceName: name,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}

/** Partition keys of the items of the table. Each kind of item has its own, so that permissions can be given by kind. */
export const JOB_ITEMS = `${JOB_PREFIX}*`;
export const INSTANCE_ITEMS = `${INSTANCE_PREFIX}*`;
export const FLEET_ITEM = FLEET_KEY;
export const GROUP_ITEMS = `${GROUP_PREFIX}*`;
export const TARGET_ITEMS = `${TARGET_PREFIX}*`;
export const PLACE_ITEMS = `${PLACE_PREFIX}*`;
export const REQUEST_ITEMS = `${REQUEST_PREFIX}*`;

/** All kinds. The fleet's own roles may read each by its key. */
const ALL_ITEMS = [
  JOB_ITEMS,
  INSTANCE_ITEMS,
  FLEET_ITEM,
  GROUP_ITEMS,
  TARGET_ITEMS,
  PLACE_ITEMS,
  REQUEST_ITEMS,
];

/** All partition keys of a call must match ("Actions, resources, and condition keys for Amazon DynamoDB"). */
export const conditionOnKeys = (...keys: string[]) => ({
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
});

const allow = (resources: string[], ...actions: string[]): PolicyStatement =>
  new PolicyStatement({ actions, resources });

function allowOnItems(table: Table, keys: string[], ...actions: string[]): PolicyStatement {
  return new PolicyStatement({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
    conditions: conditionOnKeys(...keys),
  });
}

export const formatObjectArn = (asset: Asset): string => asset.bucket.arnForObjects(asset.s3ObjectKey);

/** Acknowledges each wildcard by itself, so that cdk-nag reports a new one. */
function acknowledgeWildcards(policy: Policy, groupArn: string): void {
  Validations.of(policy).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'AWS cannot scope these: the Describe actions of Auto Scaling, and for the keeper PutMetricData, which ' +
        'takes a condition on the namespace instead.',
    },
    {
      id: `AwsSolutions-IAM5[Resource::${formatResolved(Stack.of(policy).resolve(groupArn))}]`,
      reason:
        'The wildcards stand for the id of the group and the end of its name, which only its creation gives; the ' +
        'beginning of the name is the stack and the resource, so it is this group alone.',
    },
  );
}

/**
 * A resolved text in the format of cdk-nag: `<LogicalId>` for a reference, `<LogicalId.Attribute>` for an attribute, and JSON for
 * anything else.
 */
export function formatResolved(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved;
  const intrinsic = resolved as { Ref?: string; 'Fn::GetAtt'?: string[]; 'Fn::Join'?: [string, unknown[]] };
  if (intrinsic.Ref !== undefined) return `<${intrinsic.Ref}>`;
  if (intrinsic['Fn::GetAtt']) return `<${intrinsic['Fn::GetAtt'].join('.')}>`;
  return intrinsic['Fn::Join']?.[1].map(formatResolved).join('') ?? JSON.stringify(resolved);
}
