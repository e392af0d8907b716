import type { AutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** The resources of a fleet that the facts parameter and the outputs name. `WorkerFleet` has them. */
export interface FleetResources extends Construct {
  readonly fleetName: string;
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly table: Table;
  readonly logBucket: Bucket;
  readonly autoScalingGroup: AutoScalingGroup;
  readonly keeper: LambdaFunction;
  readonly scalingPolicyArn: string;
  readonly backlogAlarm: Alarm;
  readonly bootBreakerAlarm: Alarm;
}
