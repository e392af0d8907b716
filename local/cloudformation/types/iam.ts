import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  documentProperty,
  ignoreErrors,
  mergeTagList,
  numberProperty,
  policyText,
  properties,
  tagChanges,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const GONE = ['NoSuchEntity', 'NoSuchEntityException'];
const inlinePolicies = v.array(properties({ PolicyDocument: documentProperty, PolicyName: textProperty }));

const roleSchema = properties({
  AssumeRolePolicyDocument: documentProperty,
  Description: v.optional(textProperty),
  ManagedPolicyArns: v.optional(textListProperty, []),
  MaxSessionDuration: v.optional(numberProperty),
  Path: v.optional(textProperty),
  Policies: v.optional(inlinePolicies, []),
  RoleName: v.optional(textProperty),
  Tags: v.optional(tagListProperty),
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
    await ignoreErrors(GONE, () => call('iam', 'DeleteRolePolicy', { RoleName, PolicyName }));
  }
  for (const PolicyArn of previous.ManagedPolicyArns.filter((arn) => !next.ManagedPolicyArns.includes(arn))) {
    await ignoreErrors(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
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
    const Tags = mergeTagList(props.Tags, context);
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
    context.reportCreated(RoleName);
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
    await ignoreErrors(GONE, () => context.call('iam', 'DeleteRole', { RoleName }));
  },
});

const policySchema = properties({
  PolicyDocument: documentProperty,
  PolicyName: textProperty,
  Roles: v.optional(textListProperty, []),
  Users: v.optional(v.pipe(textListProperty, v.maxLength(0, 'only roles can have policies here')), []),
  Groups: v.optional(v.pipe(textListProperty, v.maxLength(0, 'only roles can have policies here')), []),
});

const policy = resourceType<v.InferOutput<typeof policySchema>>({
  type: 'AWS::IAM::Policy',
  schema: policySchema,
  createOnly: ['PolicyName'],
  attributes: ['Id'],
  async create(props, context) {
    const physicalId = context.generatedName();
    context.reportCreated(physicalId);
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
    await ignoreErrors(GONE, () => call('iam', 'DeleteRolePolicy', { RoleName, PolicyName }));
  }
}

const managedPolicySchema = properties({
  Description: v.optional(textProperty),
  ManagedPolicyName: v.optional(textProperty),
  Path: v.optional(textProperty),
  PolicyDocument: documentProperty,
  Roles: v.optional(textListProperty, []),
});

const managedPolicy = resourceType<v.InferOutput<typeof managedPolicySchema>>({
  type: 'AWS::IAM::ManagedPolicy',
  schema: managedPolicySchema,
  createOnly: ['Description', 'ManagedPolicyName', 'Path'],
  nameProperty: 'ManagedPolicyName',
  attributes: ['PolicyArn'],
  async create(props, { call, generatedName, reportCreated }) {
    const PolicyName = props.ManagedPolicyName ?? generatedName(128);
    const PolicyDocument = policyText(props.PolicyDocument);
    const { Description, Path } = props;
    const { Policy } = await call('iam', 'CreatePolicy', { PolicyName, PolicyDocument, Description, Path });
    const PolicyArn = (Policy as { Arn: string }).Arn;
    reportCreated(PolicyArn);
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
      await ignoreErrors(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    return resource;
  },
  async delete({ physicalId: PolicyArn }, props, { call }) {
    for (const RoleName of props.Roles) {
      await ignoreErrors(GONE, () => call('iam', 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    await ignoreErrors(GONE, () => call('iam', 'DeletePolicy', { PolicyArn }));
  },
});

const profileSchema = properties({
  InstanceProfileName: v.optional(textProperty),
  Path: v.optional(textProperty),
  Roles: v.pipe(textListProperty, v.maxLength(1)),
});

const instanceProfile = resourceType<v.InferOutput<typeof profileSchema>>({
  type: 'AWS::IAM::InstanceProfile',
  schema: profileSchema,
  createOnly: ['InstanceProfileName', 'Path'],
  nameProperty: 'InstanceProfileName',
  attributes: ['Arn'],
  async create(props, { call, generatedName, reportCreated }) {
    const InstanceProfileName = props.InstanceProfileName ?? generatedName(128);
    const { Path } = props;
    const { InstanceProfile } = await call('iam', 'CreateInstanceProfile', { InstanceProfileName, Path });
    reportCreated(InstanceProfileName);
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
      await ignoreErrors(GONE, () =>
        call('iam', 'RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName }),
      );
    }
    await ignoreErrors(GONE, () => call('iam', 'DeleteInstanceProfile', { InstanceProfileName }));
  },
});

export const iamTypes: ResourceType[] = [role, policy, managedPolicy, instanceProfile];
