import { optionalInteger, optionalText, structures, text, texts } from '../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../front-door/service.ts';
import { uniqueId } from '../../front-door/unique-id.ts';
import { alreadyExists, type IamStore, noSuchEntity, parsePolicy, type Role } from './store.ts';

export interface IamNames {
  accountId: string;
  now(): number;
}

export function roleArn(accountId: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:role${path}${name}`;
}

export function getRole(store: IamStore, input: Input): Role {
  const name = text(input, 'RoleName');
  const role = store.roles.get(name);
  if (!role) throw noSuchEntity('role', name);
  return role;
}

export function describeRole(role: Role): Input {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: uniqueId('AROA', role.arn),
    Arn: role.arn,
    CreateDate: role.createdAt,
    AssumeRolePolicyDocument: encodeURIComponent(role.assumeRolePolicy),
    Description: role.description,
    MaxSessionDuration: role.maxSessionSeconds,
    Tags: [...role.tags].map(([Key, Value]) => ({ Key, Value })),
  };
}

export function roleOperations(store: IamStore, names: IamNames): Record<string, Operation> {
  const resources = (input: Input) => [
    store.roles.get(text(input, 'RoleName'))?.arn ?? roleArn(names.accountId, '/', text(input, 'RoleName')),
  ];
  const onRole = (run: (role: Role, input: Input) => Input): Operation => ({
    resources,
    run: (input) => run(getRole(store, input), input),
  });
  return {
    CreateRole: { resources, run: (input) => ({ Role: describeRole(createRole(store, names, input)) }) },
    GetRole: onRole((role) => ({ Role: describeRole(role) })),
    UpdateRole: onRole((role, input) => {
      role.maxSessionSeconds = optionalInteger(input, 'MaxSessionDuration') ?? role.maxSessionSeconds;
      const description = optionalText(input, 'Description');
      if (description) role.description = description;
      return {};
    }),
    DeleteRole: onRole((role) => deleteRole(store, role)),
    UpdateAssumeRolePolicy: onRole((role, input) => {
      role.assumeRolePolicy = checkedPolicy(input, 'PolicyDocument');
      return {};
    }),
    ListRoles: {
      run: () => ({ Roles: [...store.roles.values()].map(describeRole), IsTruncated: false }),
    },
    TagRole: onRole((role, input) => {
      for (const tag of structures(input, 'Tags'))
        role.tags.set(text(tag, 'Key'), String(tag['Value'] ?? ''));
      return {};
    }),
    UntagRole: onRole((role, input) => {
      for (const key of texts(input, 'TagKeys')) role.tags.delete(key);
      return {};
    }),
    ListRoleTags: onRole((role) => ({
      Tags: [...role.tags].map(([Key, Value]) => ({ Key, Value })),
      IsTruncated: false,
    })),
    ...inlinePolicyOperations(onRole),
  };
}

function createRole(store: IamStore, names: IamNames, input: Input): Role {
  const name = text(input, 'RoleName');
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
    const message = `The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most 64 long: ${name}`;
    throw new AwsError('ValidationError', message);
  }
  if (store.roles.has(name) && !store.roles.get(name)?.isStandIn) throw alreadyExists('Role', name);
  const path = optionalText(input, 'Path') ?? '/';
  const description = optionalText(input, 'Description');
  const role: Role = {
    name,
    arn: roleArn(names.accountId, path, name),
    path,
    assumeRolePolicy: checkedPolicy(input, 'AssumeRolePolicyDocument'),
    maxSessionSeconds: optionalInteger(input, 'MaxSessionDuration') ?? 3600,
    createdAt: new Date(names.now()),
    inline: new Map(),
    attached: new Set(),
    tags: new Map(structures(input, 'Tags').map((tag) => [text(tag, 'Key'), String(tag['Value'] ?? '')])),
    ...(description ? { description } : {}),
  };
  store.roles.set(name, role);
  return role;
}

/** As in AWS, a role can be deleted only after its policies and its place in instance profiles. */
function deleteRole(store: IamStore, role: Role): Input {
  const conflict = (what: string) =>
    new AwsError('DeleteConflict', `Cannot delete entity, must ${what} first.`, 409);
  if (role.inline.size > 0) throw conflict('delete policies');
  if (role.attached.size > 0) throw conflict('detach all policies');
  if ([...store.profiles.values()].some(({ roles }) => roles.includes(role.name))) {
    throw conflict('remove roles from instance profile');
  }
  store.roles.delete(role.name);
  return {};
}

function checkedPolicy(input: Input, key: string): string {
  const json = text(input, key);
  parsePolicy(json);
  return json;
}

function inlinePolicyOperations(
  onRole: (run: (role: Role, input: Input) => Input) => Operation,
): Record<string, Operation> {
  const find = (role: Role, input: Input): string => {
    const name = text(input, 'PolicyName');
    const document = role.inline.get(name);
    if (document === undefined) throw noSuchEntity('role policy', name);
    return document;
  };
  return {
    PutRolePolicy: onRole((role, input) => {
      role.inline.set(text(input, 'PolicyName'), checkedPolicy(input, 'PolicyDocument'));
      return {};
    }),
    GetRolePolicy: onRole((role, input) => ({
      RoleName: role.name,
      PolicyName: text(input, 'PolicyName'),
      PolicyDocument: encodeURIComponent(find(role, input)),
    })),
    DeleteRolePolicy: onRole((role, input) => {
      find(role, input);
      role.inline.delete(text(input, 'PolicyName'));
      return {};
    }),
    ListRolePolicies: onRole((role) => ({ PolicyNames: [...role.inline.keys()], IsTruncated: false })),
  };
}
