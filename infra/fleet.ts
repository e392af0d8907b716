/**
 * The one file that an owner edits. `npx cdk deploy` makes what is written here; what is left out has a default,
 * which `infra/props/props.ts` tells of each prop.
 */

import { RemovalPolicy, type Stack, type StackProps } from 'aws-cdk-lib';
import type { WorkerFleetProps } from './props/props.ts';

/** Name of the stack: two names are two fleets that know nothing of each other. */
export const stackName = 'Mayfly';

/**
 * Account and region. Left undefined the fleet can be deployed to any; looking up what is there already (a VPC) takes
 * both, such as `{ account: '123456789012', region: 'eu-west-1' }`. Both can be set later: the fleet's own network
 * stays as it is.
 */
export const env: StackProps['env'] = undefined;

/** The stack is for what is made or looked up in one, such as `vpc: Vpc.fromLookup(stack, 'Vpc', { vpcName: 'main' })`. */
export const fleet = (_stack: Stack): WorkerFleetProps => ({
  // What runs for each job. `./hello` prints the job; put your own program into workers/ and name it here.
  command: ['./hello'],

  // Instances at most.
  maxCapacity: 10,

  // `cdk destroy` deletes the queues, the records and the logs too. Leave this out to keep them.
  removalPolicy: RemovalPolicy.DESTROY,
});
