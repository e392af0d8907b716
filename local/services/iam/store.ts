import type { PolicyDocument } from '../../front-door/policy.ts';
import { AwsError } from '../../front-door/service.ts';
import { findAwsManagedPolicy } from './managed-policies.ts';

export interface Role {
  name: string;
  arn: string;
  path: string;
  assumeRolePolicy: string;
  description?: string;
  maxSessionSeconds: number;
  createdAt: Date;
  /** By policy name, as JSON. */
  inline: Map<string, string>;
  /** ARNs of managed policies. */
  attached: Set<string>;
  tags: Map<string, string>;
  /** Whoever creates a role of this name replaces it: `bootstrap.ts`. */
  isStandIn?: true;
}

export interface ManagedPolicy {
  name: string;
  arn: string;
  path: string;
  id: string;
  createdAt: Date;
  /** JSON, by version; another field has the default one. */
  versions: Map<string, string>;
  defaultVersion: string;
}

export interface InstanceProfile {
  name: string;
  arn: string;
  path: string;
  id: string;
  createdAt: Date;
  roles: string[];
}

export interface IamStore {
  roles: Map<string, Role>;
  /** By ARN. */
  policies: Map<string, ManagedPolicy>;
  profiles: Map<string, InstanceProfile>;
  /** All documents that say what a role may do; none if the role does not exist. */
  policiesOf(roleArn: string): PolicyDocument[];
}

export function createIamStore(): IamStore {
  const roles = new Map<string, Role>();
  const policies = new Map<string, ManagedPolicy>();
  // Documents are evaluated with every call and change seldom.
  const parsed = new Map<string, PolicyDocument>();
  const parse = (json: string): PolicyDocument => {
    const known = parsed.get(json) ?? parsePolicy(json);
    parsed.set(json, known);
    return known;
  };
  return {
    roles,
    policies,
    profiles: new Map(),
    policiesOf(roleArn) {
      const role = roles.get(roleArn.split('/').at(-1) ?? '');
      if (role?.arn !== roleArn) return [];
      const attached = [...role.attached].flatMap((arn) => {
        const policy = policies.get(arn);
        return policy?.versions.get(policy.defaultVersion) ?? findAwsManagedPolicy(arn) ?? [];
      });
      return [...role.inline.values(), ...attached].map(parse);
    },
  };
}

/** `AwsError` MalformedPolicyDocument for a document that IAM refuses. */
export function parsePolicy(json: string): PolicyDocument {
  try {
    const document = JSON.parse(json) as Partial<PolicyDocument> | null;
    const statements = [document?.Statement ?? []].flat();
    const wellFormed = statements.every(({ Effect }) => Effect === 'Allow' || Effect === 'Deny');
    if (document?.Statement && wellFormed) return { Statement: document.Statement };
  } catch {
    // Falls through to the error for every document that is not a policy.
  }
  throw new AwsError('MalformedPolicyDocument', 'Syntax errors in policy.');
}

export function noSuchEntity(kind: string, name: string): AwsError {
  return new AwsError('NoSuchEntity', `The ${kind} with name ${name} cannot be found.`, 404);
}

export function alreadyExists(kind: string, name: string): AwsError {
  return new AwsError('EntityAlreadyExists', `${kind} with name ${name} already exists.`, 409);
}
