import type { RunningService } from '../../front-door/service.ts';
import { bootstrapNames } from '../bootstrap.ts';
import { instanceProfileOperations } from './instance-profiles.ts';
import { managedPolicyOperations } from './policies.ts';
import { type IamNames, roleArn, roleOperations } from './roles.ts';
import type { IamStore } from './store.ts';

/** IAM: roles, their policies and instance profiles. Users, groups and access keys are not implemented here. */
export function createIam(store: IamStore, names: IamNames): RunningService {
  return {
    service: {
      name: 'iam',
      xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
      operations: {
        ...roleOperations(store, names),
        ...managedPolicyOperations(store, names),
        ...instanceProfileOperations(store, names),
      },
    },
    close: async () => {},
  };
}

/** A trust policy for everyone whom the account's policies let assume roles. */
function trustOfAccount(accountId: string): string {
  const Principal = { AWS: `arn:aws:iam::${accountId}:root` };
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }],
  });
}

/** Adds stand-ins for the roles of `cdk bootstrap`, except those that exist. */
export function addBootstrapRoles(store: IamStore, names: IamNames, region: string): void {
  for (const name of bootstrapNames(names.accountId, region).roles) {
    if (store.roles.has(name)) continue;
    store.roles.set(name, {
      name,
      arn: roleArn(names.accountId, '/', name),
      path: '/',
      assumeRolePolicy: trustOfAccount(names.accountId),
      maxSessionSeconds: 3600,
      createdAt: new Date(names.now()),
      inline: new Map(),
      attached: new Set(['arn:aws:iam::aws:policy/AdministratorAccess']),
      tags: new Map(),
      isStandIn: true,
    });
  }
}
