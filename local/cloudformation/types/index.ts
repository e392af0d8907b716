import type { ResourceType } from '../resource-type.ts';
import { groupTypes } from './autoscaling-group.ts';
import { groupPartTypes } from './autoscaling-parts.ts';
import { cloudFormationTypes } from './cloudformation.ts';
import { cloudWatchTypes } from './cloudwatch.ts';
import { customResource } from './custom-resource.ts';
import { dynamoDbTypes } from './dynamodb.ts';
import { launchTemplateTypes } from './ec2-launch-template.ts';
import { securityGroupTypes } from './ec2-security-groups.ts';
import { vpcTypes } from './ec2-vpc.ts';
import { iamTypes } from './iam.ts';
import { imageBuilderTypes } from './image-builder.ts';
import { inertTypes } from './inert.ts';
import { kmsTypes } from './kms.ts';
import { lambdaTypes } from './lambda.ts';
import { s3Types } from './s3.ts';
import { schedulerTypes } from './scheduler.ts';
import { secretsManagerTypes } from './secretsmanager.ts';
import { sqsTypes } from './sqs.ts';
import { ssmTypes } from './ssm.ts';

const families = [
  ...[groupTypes, groupPartTypes, cloudFormationTypes, cloudWatchTypes, dynamoDbTypes, launchTemplateTypes],
  ...[securityGroupTypes, vpcTypes, iamTypes, inertTypes, lambdaTypes, s3Types, schedulerTypes, sqsTypes],
  ...[ssmTypes, imageBuilderTypes, kmsTypes, secretsManagerTypes],
];

/** Every AWS resource type that a template may have. */
export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map(
  families.flat().map((type) => [type.type, type]),
);

/** The type of that name, AWS's or a custom one; undefined if there is none. */
export function findResourceType(name: string): ResourceType | undefined {
  return resourceTypes.get(name) ?? customResource(name);
}
