import { Fn } from 'aws-cdk-lib';
import { StringListParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

/**
 * The resources that grants to a fleet of another stack name, in the order of the parameter's list. Deployed stacks read the
 * list by index, so a new one is added at the end.
 */
const PLACES = [
  'queue',
  'deadLetterQueue',
  'table',
  'logBucket',
  'group',
  'backlogAlarm',
  'bootBreakerAlarm',
] as const;

export type FleetArns = Record<(typeof PLACES)[number], string>;

/** Not below `/mayfly/`, where the commands expect only fleet facts. */
const nameOf = (fleetName: string): string => `/mayfly-arns/${fleetName}`;

/** The parameter with the ARNs, for other stacks. It is a list, as CloudFormation cannot parse the JSON of the fleet facts. */
export function createArnsParameter(scope: Construct, fleetName: string, arns: FleetArns): void {
  new StringListParameter(scope, 'Arns', {
    parameterName: nameOf(fleetName),
    // CDK cannot tell by a name that only the deployment knows, such as that of a nested stack.
    simpleName: false,
    description: `ARNs of the fleet ${fleetName}, for WorkerFleet.fromName in other stacks`,
    stringListValue: PLACES.map((place) => arns[place]),
  });
}

/** The ARNs of a deployed fleet. Each deployment of the stack of `scope` reads them from the parameter. */
export function readFleetArns(scope: Construct, fleetName: string): FleetArns {
  const parameterName = nameOf(fleetName);
  const options = { parameterName, simpleName: false };
  const { stringListValue } = StringListParameter.fromListParameterAttributes(scope, 'Arns', options);
  const arns = PLACES.map((place, index) => [place, Fn.select(index, stringListValue)] as const);
  return Object.fromEntries(arns) as FleetArns;
}
