import { optionalBoolean, optionalText, text } from '../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../front-door/service.ts';
import { uniqueId } from '../../front-door/unique-id.ts';
import { findAwsManagedPolicy } from './managed-policies.ts';
import { getRole, type IamNames } from './roles.ts';
import { alreadyExists, type IamStore, type ManagedPolicy, noSuchEntity, parsePolicy } from './store.ts';

/** The operations on managed policies and their attachments. */
export function managedPolicyOperations(store: IamStore, names: IamNames): Record<string, Operation> {
  const resources = (input: Input) => [text(input, 'PolicyArn')];
  const onPolicy = (run: (policy: ManagedPolicy, input: Input) => Input): Operation => ({
    resources,
    run: (input) => {
      const policy = store.policies.get(text(input, 'PolicyArn'));
      if (!policy) throw noSuchEntity('policy', text(input, 'PolicyArn'));
      return run(policy, input);
    },
  });
  return {
    CreatePolicy: { run: (input) => ({ Policy: describePolicy(createPolicy(store, names, input)) }) },
    GetPolicy: onPolicy((policy) => ({ Policy: describePolicy(policy) })),
    DeletePolicy: onPolicy((policy) => {
      if ([...store.roles.values()].some(({ attached }) => attached.has(policy.arn))) {
        const message = 'Cannot delete a policy attached to entities.';
        throw new AwsError('DeleteConflict', message, 409);
      }
      store.policies.delete(policy.arn);
      return {};
    }),
    ...versionOperations(onPolicy),
    AttachRolePolicy: {
      resources: (input) => [getRole(store, input).arn],
      run: (input) => {
        const arn = text(input, 'PolicyArn');
        if (!store.policies.has(arn) && !arn.startsWith('arn:aws:iam::aws:policy/'))
          throw noSuchEntity('policy', arn);
        getRole(store, input).attached.add(arn);
        return {};
      },
    },
    DetachRolePolicy: {
      resources: (input) => [getRole(store, input).arn],
      run: (input) => {
        const arn = text(input, 'PolicyArn');
        if (!getRole(store, input).attached.delete(arn)) throw noSuchEntity('attached policy', arn);
        return {};
      },
    },
    ListAttachedRolePolicies: {
      resources: (input) => [getRole(store, input).arn],
      run: (input) => ({
        AttachedPolicies: [...getRole(store, input).attached].map((arn) => ({
          PolicyName: arn.split('/').at(-1),
          PolicyArn: arn,
        })),
        IsTruncated: false,
      }),
    },
  };
}

function createPolicy(store: IamStore, names: IamNames, input: Input): ManagedPolicy {
  const name = text(input, 'PolicyName');
  const path = optionalText(input, 'Path') ?? '/';
  const arn = `arn:aws:iam::${names.accountId}:policy${path}${name}`;
  if (store.policies.has(arn) || findAwsManagedPolicy(arn)) throw alreadyExists('A policy', name);
  const document = text(input, 'PolicyDocument');
  parsePolicy(document);
  const policy: ManagedPolicy = {
    name,
    arn,
    path,
    id: uniqueId('ANPA', arn),
    createdAt: new Date(names.now()),
    versions: new Map([['v1', document]]),
    defaultVersion: 'v1',
  };
  store.policies.set(arn, policy);
  return policy;
}

function describePolicy(policy: ManagedPolicy): Input {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    IsAttachable: true,
    CreateDate: policy.createdAt,
    UpdateDate: policy.createdAt,
  };
}

/** "A managed policy can have up to five versions." */
const MOST_VERSIONS = 5;

function versionOperations(
  onPolicy: (run: (policy: ManagedPolicy, input: Input) => Input) => Operation,
): Record<string, Operation> {
  const describe = (policy: ManagedPolicy, id: string): Input => ({
    VersionId: id,
    IsDefaultVersion: id === policy.defaultVersion,
    CreateDate: policy.createdAt,
    Document: encodeURIComponent(policy.versions.get(id) ?? ''),
  });
  return {
    CreatePolicyVersion: onPolicy((policy, input) => {
      if (policy.versions.size >= MOST_VERSIONS) {
        const message = `A managed policy can have up to ${MOST_VERSIONS} versions. Before you create a new version, you must delete an existing version.`;
        throw new AwsError('LimitExceeded', message, 409);
      }
      const document = text(input, 'PolicyDocument');
      parsePolicy(document);
      const newest = Math.max(...[...policy.versions.keys()].map((id) => Number(id.slice(1))));
      const id = `v${newest + 1}`;
      policy.versions.set(id, document);
      if (optionalBoolean(input, 'SetAsDefault')) policy.defaultVersion = id;
      return { PolicyVersion: describe(policy, id) };
    }),
    GetPolicyVersion: onPolicy((policy, input) => {
      const id = text(input, 'VersionId');
      if (!policy.versions.has(id)) throw noSuchEntity('policy version', id);
      return { PolicyVersion: describe(policy, id) };
    }),
    ListPolicyVersions: onPolicy((policy) => ({
      Versions: [...policy.versions.keys()].map((id) => describe(policy, id)),
      IsTruncated: false,
    })),
    DeletePolicyVersion: onPolicy((policy, input) => {
      const id = text(input, 'VersionId');
      if (id === policy.defaultVersion) {
        throw new AwsError('DeleteConflict', 'Cannot delete the default version of a policy.', 409);
      }
      if (!policy.versions.delete(id)) throw noSuchEntity('policy version', id);
      return {};
    }),
  };
}
