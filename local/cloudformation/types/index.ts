import type { ResourceType } from '../resource-type.ts';
import { cloudFormationTypes } from './cloudformation.ts';
import { dynamoDbTypes } from './dynamodb.ts';
import { iamTypes } from './iam.ts';
import { sqsTypes } from './sqs.ts';
import { ssmTypes } from './ssm.ts';

/** Every type that a template may have. */
export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map(
  [cloudFormationTypes, dynamoDbTypes, iamTypes, sqsTypes, ssmTypes].flat().map((type) => [type.type, type]),
);
