import { principalArn } from '../../front-door/authorize.ts';
import { optionalInteger, text } from '../../front-door/read.ts';
import {
  AwsError,
  type Call,
  type CloudContext,
  type Input,
  type RunningService,
} from '../../front-door/service.ts';
import type { Sessions } from '../../front-door/sessions.ts';
import { uniqueId } from '../../front-door/unique-id.ts';

/** STS: who am I, and assuming a role. A role's trust policy is stored by IAM but not consulted. */
export function createSts(
  context: CloudContext,
  sessions: Sessions,
  roleExists: (roleArn: string) => boolean,
): RunningService {
  const operations = {
    GetCallerIdentity: {
      // "No permissions are required to perform this operation."
      resources: () => [],
      run: (_: Input, { caller }: Call) => {
        if (caller.kind === 'role') {
          const UserId = `${uniqueId('AROA', caller.roleArn)}:${caller.sessionName}`;
          return { UserId, Account: context.accountId, Arn: principalArn(caller) };
        }
        const Arn = `arn:aws:iam::${context.accountId}:root`;
        return { UserId: context.accountId, Account: context.accountId, Arn };
      },
    },
    AssumeRole: {
      resources: (input: Input) => [text(input, 'RoleArn')],
      run: (input: Input) => {
        const roleArn = text(input, 'RoleArn');
        if (!roleExists(roleArn)) {
          const message = `The role ${roleArn} does not exist, so it cannot be assumed.`;
          throw new AwsError('AccessDenied', message, 403);
        }
        const sessionName = text(input, 'RoleSessionName');
        const seconds = optionalInteger(input, 'DurationSeconds', { min: 900, max: 43_200 });
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
