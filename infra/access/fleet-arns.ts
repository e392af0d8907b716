import { Fn } from 'aws-cdk-lib';
import { StringListParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

/**
 * What grants to a fleet of another stack name, in the order of the parameter's list. Stacks that are deployed read the list
 * by these places: a new one goes to the end.
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

/** Not below `/mayfly/`, where commands take every parameter for the facts of a fleet. */
const nameOf = (fleetName: string): string => `/mayfly-arns/${fleetName}`;

/** Tells other stacks the ARNs: a list, as CloudFormation cannot take the JSON of the other parameter apart. */
export function arnsParameter(scope: Construct, fleetName: string, arns: FleetArns): void {
  new StringListParameter(scope, 'Arns', {
    parameterName: nameOf(fleetName),
    // Said here, as a nested stack's name is not known before it is deployed.
    simpleName: false,
    description: `ARNs of the fleet ${fleetName}, for WorkerFleet.fromName in other stacks`,
    stringListValue: PLACES.map((place) => arns[place]),
  });
}

/** The ARNs that a deployed fleet tells, which each deployment of the stack of `scope` looks up. */
export function arnsOf(scope: Construct, fleetName: string): FleetArns {
  const parameterName = nameOf(fleetName);
  const options = { parameterName, simpleName: false };
  const { stringListValue } = StringListParameter.fromListParameterAttributes(scope, 'Arns', options);
  const arns = PLACES.map((place, index) => [place, Fn.select(index, stringListValue)] as const);
  return Object.fromEntries(arns) as FleetArns;
}
