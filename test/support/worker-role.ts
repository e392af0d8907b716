import type { Cloud } from '../../local/cloud.ts';

/** A role of workers that the owner of the cloud may assume. */
export const WORKER_ROLE = 'arn:aws:iam::000000000000:role/worker';

const RoleName = 'worker';
const PolicyName = 'reads';

export async function createWorkerRole({ call }: Pick<Cloud, 'call'>): Promise<void> {
  const Statement = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { AWS: 'arn:aws:iam::000000000000:root' },
  };
  await call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify({ Statement }) });
}

/** Lets the workers' role read these secrets and parameters, and no others. */
export async function allowReading({ call }: Pick<Cloud, 'call'>, ...Resource: string[]): Promise<void> {
  const Action = ['ssm:GetParameter', 'secretsmanager:GetSecretValue'];
  const PolicyDocument = JSON.stringify({ Statement: { Effect: 'Allow', Action, Resource } });
  await call('iam', 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument });
}

/** Takes away what `allowReading` gave. */
export async function denyReading({ call }: Pick<Cloud, 'call'>): Promise<void> {
  await call('iam', 'DeleteRolePolicy', { RoleName, PolicyName });
}

export const parameterArn = (name: string) => `arn:aws:ssm:us-east-1:000000000000:parameter${name}`;
