import { randomBytes } from 'node:crypto';
import { AwsError, type Caller, type SessionCredentials } from './service.ts';

interface Session {
  caller: Caller;
  token: string;
  expiresAtMs: number;
}

/** Seconds that credentials of an instance or an assumed role are good for: AWS's own default. */
const SESSION_SECONDS = 3600;

/**
 * Who calls, by access key. Signatures are not verified: the cloud listens on loopback only, and a key that it
 * never handed out is the account's owner, whatever the secret. What tells callers apart are the sessions that
 * the cloud itself issued, and those are checked for token and expiry.
 */
export interface Sessions {
  issue(roleArn: string, sessionName: string, seconds?: number): SessionCredentials;
  identify(accessKeyId: string, token: string | undefined): Caller;
}

export function createSessions(now: () => number): Sessions {
  const sessions = new Map<string, Session>();
  return {
    issue(roleArn, sessionName, seconds = SESSION_SECONDS) {
      const accessKeyId = `ASIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`;
      const token = randomBytes(48).toString('base64');
      const expiresAtMs = now() + seconds * 1000;
      const caller: Caller = { kind: 'role', accessKeyId, roleArn, sessionName };
      sessions.set(accessKeyId, { caller, token, expiresAtMs });
      return {
        AccessKeyId: accessKeyId,
        SecretAccessKey: randomBytes(30).toString('base64'),
        SessionToken: token,
        Expiration: new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      };
    },
    identify(accessKeyId, token) {
      const session = sessions.get(accessKeyId);
      if (!session) {
        if (accessKeyId.startsWith('ASIA')) throw unknownKey();
        return { kind: 'owner', accessKeyId };
      }
      if (session.token !== token) throw unknownKey();
      if (session.expiresAtMs <= now()) throw expired();
      return session.caller;
    },
  };
}

function unknownKey(): AwsError {
  return new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
}

function expired(): AwsError {
  return new AwsError('ExpiredToken', 'The security token included in the request is expired', 403);
}
