import { randomBytes } from 'node:crypto';
import { AwsError, type Caller, type SessionCredentials } from './service.ts';

interface Session {
  caller: Caller;
  secret: string;
  token: string;
  expiresAtMs: number;
}

/** A key pair of the account's owner. */
export interface OwnerKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Drawn anew for each cloud. Only those to whom the cloud shows them know them. */
export function createOwnerKeys(): OwnerKeys {
  return { accessKeyId: 'local', secretAccessKey: randomBytes(30).toString('base64url') };
}

/** How long the credentials of an instance or an assumed role are valid: AWS's own default. */
const SESSION_SECONDS = 3600;

/** Identifies callers by access key: the owner, or a session that the cloud issued. Other keys are unknown. */
export interface Sessions {
  issue(roleArn: string, sessionName: string, seconds?: number): SessionCredentials;
  /** The caller with this key, and the secret that requests must be signed with. `AwsError` if the key is unknown. */
  identify(accessKeyId: string, token: string | undefined): { caller: Caller; secret: string };
}

export function createSessions(now: () => number, owner: OwnerKeys): Sessions {
  const sessions = new Map<string, Session>();
  return {
    issue(roleArn, sessionName, seconds = SESSION_SECONDS) {
      const accessKeyId = `ASIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`;
      const secret = randomBytes(30).toString('base64');
      const token = randomBytes(48).toString('base64');
      const expiresAtMs = now() + seconds * 1000;
      const caller: Caller = { kind: 'role', accessKeyId, roleArn, sessionName };
      sessions.set(accessKeyId, { caller, secret, token, expiresAtMs });
      return {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secret,
        SessionToken: token,
        Expiration: new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      };
    },
    identify(accessKeyId, token) {
      if (accessKeyId === owner.accessKeyId) {
        return { caller: { kind: 'owner', accessKeyId }, secret: owner.secretAccessKey };
      }
      const session = sessions.get(accessKeyId);
      if (!session || session.token !== token) throw unknownKey();
      if (session.expiresAtMs <= now()) throw expired();
      return { caller: session.caller, secret: session.secret };
    },
  };
}

export function unknownKey(): AwsError {
  return new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
}

function expired(): AwsError {
  return new AwsError('ExpiredToken', 'The security token included in the request is expired', 403);
}
