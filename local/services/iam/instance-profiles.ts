import { optionalText, text } from '../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../front-door/service.ts';
import { uniqueId } from '../../front-door/unique-id.ts';
import { describeRole, getRole, type IamNames } from './roles.ts';
import { alreadyExists, type IamStore, type InstanceProfile, noSuchEntity } from './store.ts';

export function instanceProfileOperations(store: IamStore, names: IamNames): Record<string, Operation> {
  const arnOf = (path: string, name: string) =>
    `arn:aws:iam::${names.accountId}:instance-profile${path}${name}`;
  const resources = (input: Input) => {
    const name = text(input, 'InstanceProfileName');
    return [store.profiles.get(name)?.arn ?? arnOf('/', name)];
  };
  const describe = (profile: InstanceProfile): Input => ({
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.id,
    Arn: profile.arn,
    Path: profile.path,
    CreateDate: profile.createdAt,
    Roles: profile.roles.flatMap((name) => {
      const role = store.roles.get(name);
      return role ? [describeRole(role)] : [];
    }),
  });
  const onProfile = (run: (profile: InstanceProfile, input: Input) => Input): Operation => ({
    resources,
    run: (input) => {
      const name = text(input, 'InstanceProfileName');
      const profile = store.profiles.get(name);
      if (!profile) throw noSuchEntity('instance profile', name);
      return run(profile, input);
    },
  });
  return {
    CreateInstanceProfile: {
      resources,
      run: (input) => {
        const name = text(input, 'InstanceProfileName');
        if (store.profiles.has(name)) throw alreadyExists('Instance Profile', name);
        const path = optionalText(input, 'Path') ?? '/';
        const arn = arnOf(path, name);
        const id = uniqueId('AIPA', arn);
        const profile = { name, arn, path, id, createdAt: new Date(names.now()), roles: [] };
        store.profiles.set(name, profile);
        return { InstanceProfile: describe(profile) };
      },
    },
    GetInstanceProfile: onProfile((profile) => ({ InstanceProfile: describe(profile) })),
    AddRoleToInstanceProfile: onProfile((profile, input) => {
      const role = getRole(store, input);
      if (profile.roles.length > 0) {
        const message = 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1';
        throw new AwsError('LimitExceeded', message, 409);
      }
      profile.roles.push(role.name);
      return {};
    }),
    RemoveRoleFromInstanceProfile: onProfile((profile, input) => {
      const index = profile.roles.indexOf(text(input, 'RoleName'));
      if (index < 0) throw noSuchEntity('role', text(input, 'RoleName'));
      profile.roles.splice(index, 1);
      return {};
    }),
    DeleteInstanceProfile: onProfile((profile) => {
      if (profile.roles.length > 0) {
        throw new AwsError(
          'DeleteConflict',
          'Cannot delete entity, must remove roles from instance profile first.',
          409,
        );
      }
      store.profiles.delete(profile.name);
      return {};
    }),
  };
}
