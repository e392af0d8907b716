import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from '../aws/clock.ts';
import type { GroupLimits } from '../policy/groups/state.ts';

/** What those who change groups have to know of the fleet. */
export interface GroupContext {
  clients: { dynamodb: DynamoDBClient; sqs: SQSClient };
  table: string;
  queueUrl: string;
  /** How long a record outlives its job's end. */
  recordSeconds: number;
  limits: GroupLimits;
  /** Whether agents and the keeper have to do what a change means for requests: this caller may not write their items. */
  leavesRequests?: boolean;
  clock: Clock;
  random: () => number;
}
