import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  document,
  ignoring,
  number,
  policyText,
  properties,
  tagChanges,
  tagList,
  tagListOf,
  text,
  texts,
} from './properties.ts';

const GONE = ['NoSuchEntity', 'NoSuchEntityException'];
const inlinePolicies = v.array(properties({ PolicyDocument: document, PolicyName: text }));

const roleSchema = properties({
  AssumeRolePolicyDocument: document,
  Description: v.optional(text),
  ManagedPolicyArns: v.optional(texts, []),
  MaxSessionDuration: v.optional(number),
  Path: v.optional(text),
  Policies: v.optional(inlinePolicies, []),
  RoleName: v.optional(text),
  Tags: v.optional(tagList),
});
type RoleProps = v.InferOutput<typeof roleSchema>;

/** Attaches the policies of `next` and detaches those that only `previous` had. */
async function setRolePolicies(
  RoleName: string,
  next: RoleProps,
  previous: Pick<RoleProps, 'ManagedPolicyArns' | 'Policies'>,
  { call }: ResourceContext,
): Promise<void> {
  for (const { PolicyName, PolicyDocument } of next.Policies) {
    await call('iam', 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument: policyText(PolicyDocument) });
  }
  for (const PolicyArn of next.ManagedPolicyArns.filter((arn) => !previous.ManagedPolicyArns.includes(arn))) {
    await call('iam', 'AttachRolePolicy', { RoleName, PolicyArn });
  }
  const names = next.Policies.map((policy) => policy.PolicyName);
  for (const { PolicyName } of previous.Policies.filter((policy) => !names.includes(policy.PolicyName))) {
    await ignoring(GONE, () => call('iam', 'DeleteRolePolicy', { RoleName, PolicyName }));
  }
  for (const PolicyArn of previous.ManagedPolicyArns.filter((arn) => !next.ManagedPolicyArns.includes(arn))) {
    await ignoring(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
  }
}

const role = resourceType<RoleProps>({
  type: 'AWS::IAM::Role',
  schema: roleSchema,
  createOnly: ['Path', 'RoleName'],
  nameProperty: 'RoleName',
  taggable: true,
  attributes: ['Arn', 'RoleId'],
  async create(props, context) {
    const RoleName = props.RoleName ?? context.generatedName(64);
    const { Description, MaxSessionDuration, Path } = props;
    const AssumeRolePolicyDocument = policyText(props.AssumeRolePolicyDocument);
    const Tags = tagListOf(props.Tags, context);
    const { Role } = await context.call('iam', 'CreateRole', {
      ...{
        RoleName,
        AssumeRolePolicyDocument,
        Description,
        MaxSessionDuration,
        Path,
        Tags,
      },
    });
    context.exists(RoleName);
    await setRolePolicies(RoleName, props, { ManagedPolicyArns: [], Policies: [] }, context);
    const { Arn, RoleId } = Role as { Arn: string; RoleId: string };
    return { physicalId: RoleName, attributes: { Arn, RoleId } };
  },
  async update(resource, props, previous, context) {
    const RoleName = resource.physicalId;
    const { Description = '', MaxSessionDuration = 3600 } = props;
    const PolicyDocument = policyText(props.AssumeRolePolicyDocument);
    await context.call('iam', 'UpdateAssumeRolePolicy', { RoleName, PolicyDocument });
    await context.call('iam', 'UpdateRole', { RoleName, Description, MaxSessionDuration });
    await setRolePolicies(RoleName, props, previous, context);
    const { list: Tags, dropped: TagKeys } = tagChanges(props.Tags, previous.Tags, context);
    if (TagKeys.length > 0) await context.call('iam', 'UntagRole', { RoleName, TagKeys });
    await context.call('iam', 'TagRole', { RoleName, Tags });
    return resource;
  },
  async delete({ physicalId: RoleName }, props, context) {
    await setRolePolicies(RoleName, { ...props, ManagedPolicyArns: [], Policies: [] }, props, context);
    await ignoring(GONE, () => context.call('iam', 'DeleteRole', { RoleName }));
  },
});

const policySchema = properties({
  PolicyDocument: document,
  PolicyName: text,
  Roles: v.optional(texts, []),
  Users: v.optional(v.pipe(texts, v.maxLength(0, 'only roles can have policies here')), []),
  Groups: v.optional(v.pipe(texts, v.maxLength(0, 'only roles can have policies here')), []),
});

const policy = resourceType<v.InferOutput<typeof policySchema>>({
  type: 'AWS::IAM::Policy',
  schema: policySchema,
  createOnly: ['PolicyName'],
  attributes: ['Id'],
  async create(props, context) {
    const physicalId = context.generatedName();
    context.exists(physicalId);
    await putPolicy(props.Roles, props, context);
    return { physicalId, attributes: { Id: physicalId } };
  },
  async update(resource, props, previous, context) {
    await putPolicy(props.Roles, props, context);
    const left = previous.Roles.filter((name) => !props.Roles.includes(name));
    await deletePolicy(left, previous.PolicyName, context);
    return resource;
  },
  async delete(_resource, props, context) {
    await deletePolicy(props.Roles, props.PolicyName, context);
  },
});

async function putPolicy(
  roles: string[],
  { PolicyName, PolicyDocument }: v.InferOutput<typeof policySchema>,
  { call }: ResourceContext,
): Promise<void> {
  for (const RoleName of roles) {
    await call('iam', 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument: policyText(PolicyDocument) });
  }
}

async function deletePolicy(roles: string[], PolicyName: string, { call }: ResourceContext): Promise<void> {
  for (const RoleName of roles) {
    await ignoring(GONE, () => call('iam', 'DeleteRolePolicy', { RoleName, PolicyName }));
  }
}

const managedPolicySchema = properties({
  Description: v.optional(text),
  ManagedPolicyName: v.optional(text),
  Path: v.optional(text),
  PolicyDocument: document,
  Roles: v.optional(texts, []),
});

const managedPolicy = resourceType<v.InferOutput<typeof managedPolicySchema>>({
  type: 'AWS::IAM::ManagedPolicy',
  schema: managedPolicySchema,
  createOnly: ['Description', 'ManagedPolicyName', 'Path'],
  nameProperty: 'ManagedPolicyName',
  attributes: ['PolicyArn'],
  async create(props, { call, generatedName, exists }) {
    const PolicyName = props.ManagedPolicyName ?? generatedName(128);
    const PolicyDocument = policyText(props.PolicyDocument);
    const { Description, Path } = props;
    const { Policy } = await call('iam', 'CreatePolicy', { PolicyName, PolicyDocument, Description, Path });
    const PolicyArn = (Policy as { Arn: string }).Arn;
    exists(PolicyArn);
    for (const RoleName of props.Roles) await call('iam', 'AttachRolePolicy', { RoleName, PolicyArn });
    return { physicalId: PolicyArn, attributes: { PolicyArn } };
  },
  async update(resource, props, previous, { call }) {
    const PolicyArn = resource.physicalId;
    const PolicyDocument = policyText(props.PolicyDocument);
    if (PolicyDocument !== policyText(previous.PolicyDocument)) {
      await call('iam', 'CreatePolicyVersion', { PolicyArn, PolicyDocument, SetAsDefault: true });
    }
    for (const RoleName of props.Roles) await call('iam', 'AttachRolePolicy', { RoleName, PolicyArn });
    for (const RoleName of previous.Roles.filter((name) => !props.Roles.includes(name))) {
      await ignoring(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    return resource;
  },
  async delete({ physicalId: PolicyArn }, props, { call }) {
    for (const RoleName of props.Roles) {
      await ignoring(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    await ignoring(GONE, () => call('iam', 'DeletePolicy', { PolicyArn }));
  },
});

const profileSchema = properties({
  InstanceProfileName: v.optional(text),
  Path: v.optional(text),
  Roles: v.pipe(texts, v.maxLength(1)),
});

const instanceProfile = resourceType<v.InferOutput<typeof profileSchema>>({
  type: 'AWS::IAM::InstanceProfile',
  schema: profileSchema,
  createOnly: ['InstanceProfileName', 'Path'],
  nameProperty: 'InstanceProfileName',
  attributes: ['Arn'],
  async create(props, { call, generatedName, exists }) {
    const InstanceProfileName = props.InstanceProfileName ?? generatedName(128);
    const { Path } = props;
    const { InstanceProfile } = await call('iam', 'CreateInstanceProfile', { InstanceProfileName, Path });
    exists(InstanceProfileName);
    for (const RoleName of props.Roles) {
      await call('iam', 'AddRoleToInstanceProfile', { InstanceProfileName, RoleName });
    }
    return { physicalId: InstanceProfileName, attributes: { Arn: (InstanceProfile as { Arn: string }).Arn } };
  },
  async update(resource, props, previous, { call }) {
    const InstanceProfileName = resource.physicalId;
    for (const RoleName of previous.Roles.filter((name) => !props.Roles.includes(name))) {
      await call('iam', 'RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName });
    }
    for (const RoleName of props.Roles.filter((name) => !previous.Roles.includes(name))) {
      await call('iam', 'AddRoleToInstanceProfile', { InstanceProfileName, RoleName });
    }
    return resource;
  },
  async delete({ physicalId: InstanceProfileName }, props, { call }) {
    for (const RoleName of props.Roles) {
      await ignoring(GONE, () =>
        call('iam', 'RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName }),
      );
    }
    await ignoring(GONE, () => call('iam', 'DeleteInstanceProfile', { InstanceProfileName }));
  },
});

export const iamTypes: ResourceType[] = [role, policy, managedPolicy, instanceProfile];
