import { Stack } from 'aws-cdk-lib';
import { type IRole, type PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { WorkerFleetProps } from '../props/props.ts';

/**
 * The role whose credentials the agents give to their workers, undefined for none. It trusts the instances' role; a
 * role of the owner's that another stack or no stack has cannot be changed from here, and has to do so already.
 */
export function workerRole(
  scope: Construct,
  access: NonNullable<WorkerFleetProps['workerAwsAccess']>,
  instanceRole: IRole,
): IRole | undefined {
  if (access === 'none') return undefined;
  if (access === 'role') {
    return new Role(scope, 'WorkerRole', {
      assumedBy: instanceRole,
      description: 'Workers: what is granted to the fleet, and nothing else',
    });
  }
  if (Stack.of(access) === Stack.of(scope)) trust(access, instanceRole);
  return access;
}

/** Known by its member: an app may hold a second copy of aws-cdk-lib, and a looked-up role has no policy to add to. */
function trust(role: IRole & { assumeRolePolicy?: PolicyDocument }, instanceRole: IRole): void {
  role.assumeRolePolicy?.addStatements(
    new PolicyStatement({ actions: ['sts:AssumeRole'], principals: [instanceRole] }),
  );
}
