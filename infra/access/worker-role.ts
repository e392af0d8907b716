import { Stack } from 'aws-cdk-lib';
import { type IRole, type PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { WorkerFleetProps } from '../props/props.ts';

/**
 * The role whose credentials the agents pass to their workers; undefined for none. It trusts the role of the instances. A role of
 * the owner that is not in this stack cannot be changed here, so it must already trust that role.
 */
export function createWorkerRole(
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

/** A looked-up role has no policy to add to. The member is tested, as an app may contain a second copy of aws-cdk-lib. */
function trust(role: IRole & { assumeRolePolicy?: PolicyDocument }, instanceRole: IRole): void {
  role.assumeRolePolicy?.addStatements(
    new PolicyStatement({ actions: ['sts:AssumeRole'], principals: [instanceRole] }),
  );
}
