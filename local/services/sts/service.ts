import { principalArn } from '../../front-door/authorize.ts';
import { optionalInteger, text } from '../../front-door/read.ts';
import { AwsError, type Call, type Input, type RunningService } from '../../front-door/service.ts';
import type { Sessions } from '../../front-door/sessions.ts';
import { uniqueId } from '../../front-door/unique-id.ts';
import { type IamStore, parsePolicy, type Role } from '../iam/store.ts';

/** "Roles terms and concepts", role chaining: "a maximum of one hour". */
const CHAINED_SECONDS = 3600;

/** Parameters that would restrict or tag a session. Ignoring them would grant more than was asked for. */
const NOT_KNOWN = ['Policy', 'PolicyArns', 'Tags', 'TransitiveTagKeys', 'SourceIdentity', 'SerialNumber'];

/** STS: GetCallerIdentity, and AssumeRole for a role that trusts the caller. */
export function createSts(accountId: string, sessions: Sessions, iam: IamStore): RunningService {
  const operations = {
    GetCallerIdentity: {
      // "No permissions are required to perform this operation."
      resources: () => [],
      run: (_: Input, { caller }: Call) => {
        if (caller.kind === 'role') {
          const UserId = `${uniqueId('AROA', caller.roleArn)}:${caller.sessionName}`;
          return { UserId, Account: accountId, Arn: principalArn(caller) };
        }
        const Arn = `arn:aws:iam::${accountId}:root`;
        return { UserId: accountId, Account: accountId, Arn };
      },
    },
    AssumeRole: {
      resources: (input: Input) => [text(input, 'RoleArn')],
      conditions,
      trust: (input: Input) => parsePolicy(roleOf(iam, input).assumeRolePolicy),
      run: (input: Input, { caller }: Call) => {
        refuseUnknown(input);
        const { arn: roleArn, maxSessionSeconds } = roleOf(iam, input);
        const sessionName = sessionNameOf(input);
        const seconds = secondsOf(input, maxSessionSeconds, caller.kind === 'role');
        const Credentials = sessions.issue(roleArn, sessionName, seconds);
        const Arn = principalArn({
          kind: 'role',
          accessKeyId: Credentials.AccessKeyId,
          roleArn,
          sessionName,
        });
        return {
          Credentials,
          AssumedRoleUser: { AssumedRoleId: `${uniqueId('AROA', roleArn)}:${sessionName}`, Arn },
        };
      },
    },
  };
  return {
    service: { name: 'sts', xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/', operations },
    close: async () => {},
  };
}

function roleOf(iam: IamStore, input: Input): Role {
  const arn = text(input, 'RoleArn');
  const role = [...iam.roles.values()].find((one) => one.arn === arn);
  if (role) return role;
  const message = `The role ${arn} does not exist, so it cannot be assumed.`;
  throw new AwsError('AccessDenied', message, 403);
}

/** "Actions, resources, and condition keys for AWS Security Token Service". */
function conditions(input: Input): Record<string, string> {
  const keys = { 'sts:RoleSessionName': input['RoleSessionName'], 'sts:ExternalId': input['ExternalId'] };
  const given = Object.entries(keys).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(given) as Record<string, string>;
}

function refuseUnknown(input: Input): void {
  const unknown = NOT_KNOWN.find((name) => input[name] !== undefined);
  if (!unknown) return;
  const message = `The embedded cloud does not implement the parameter ${unknown} of AssumeRole.`;
  throw new AwsError('ValidationError', message);
}

function sessionNameOf(input: Input): string {
  const name = text(input, 'RoleSessionName');
  if (/^[\w+=,.@-]{2,64}$/.test(name)) return name;
  const message = `1 validation error detected: Value '${name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]* and have 2 to 64 characters`;
  throw new AwsError('ValidationError', message);
}

function secondsOf(input: Input, longest: number, chained: boolean): number | undefined {
  const seconds = optionalInteger(input, 'DurationSeconds', { min: 900, max: 43_200 });
  if (seconds === undefined) return undefined;
  const exceeds = (limit: string) =>
    new AwsError('ValidationError', `The requested DurationSeconds exceeds the ${limit}.`);
  if (chained && seconds > CHAINED_SECONDS) {
    throw exceeds('1 hour session limit for roles assumed by role chaining');
  }
  if (seconds > longest) throw exceeds('MaxSessionDuration set for this role');
  return seconds;
}
