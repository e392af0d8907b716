/**
 * The one file that an owner edits. `npx cdk deploy` deploys the fleet that it describes. A prop that is left out has its
 * default; the files of `infra/props/` document all props.
 */

import { RemovalPolicy, type Stack, type StackProps } from 'aws-cdk-lib';
import type { WorkerFleetProps } from './props/props.ts';

/** Name of the stack. Two stacks are two independent fleets. */
export const stackName = 'Mayfly';

/**
 * Account and region. If undefined, the fleet can be deployed to any. Lookups of existing resources (a VPC) need both, such
 * as `{ account: '123456789012', region: 'eu-west-1' }`. You can set them later: the fleet's own network does not change.
 */
export const env: StackProps['env'] = undefined;

/** The props. Use the stack for resources that you look up, such as `vpc: Vpc.fromLookup(stack, 'Vpc', { vpcName: 'main' })`. */
export const fleet = (_stack: Stack): WorkerFleetProps => ({
  // The program that runs for each job. `./hello` prints the job. Put your own program into workers/ and name it here.
  command: ['./hello'],

  // Most instances.
  maxCapacity: 10,

  // `cdk destroy` also deletes the queues, the records and the logs. Remove this line to keep them.
  removalPolicy: RemovalPolicy.DESTROY,
});
