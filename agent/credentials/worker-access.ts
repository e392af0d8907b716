import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { Clients } from '../../aws/clients.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { type Admission, CredentialsEndpoint } from './endpoint.ts';
import { RoleSession, rfc3339, SESSION_SECONDS, type WorkerCredentials } from './session.ts';

/** How workers come to credentials of their own role: admitted one by one, each while it runs. */
export interface WorkerAccess {
  admit(): Admission;
  close(): Promise<void>;
}

export interface WorkerAccessOptions {
  config: { workerRole?: string | undefined; concurrency: number };
  clients: Pick<Clients, 'sts'>;
  /** This instance's id, which the session is named after. */
  instance: string;
  clock: Clock;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
}

/** Undefined for a fleet whose workers have no role. Rejects when no port can be had on loopback. */
export async function openWorkerAccess(options: WorkerAccessOptions): Promise<WorkerAccess | undefined> {
  const { config, clients, instance } = options;
  const roleArn = config.workerRole;
  if (roleArn === undefined) return undefined;
  const session = new RoleSession({
    ...options,
    roleArn,
    assume: () => assume(clients, roleArn, sessionName(instance)),
  });
  const credentials = () => session.credentials();
  return CredentialsEndpoint.open({ credentials, slots: config.concurrency, clock: options.clock });
}

/**
 * As CloudTrail shows it. Not the bare instance id: that is how EC2 names the sessions of the instance's own role.
 * STS takes 2 to 64 letters, digits and `_+=,.@-`.
 */
function sessionName(instance: string): string {
  return `mayfly-${instance.replaceAll(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);
}

async function assume(
  { sts }: Pick<Clients, 'sts'>,
  RoleArn: string,
  RoleSessionName: string,
): Promise<WorkerCredentials> {
  const input = { RoleArn, RoleSessionName, DurationSeconds: SESSION_SECONDS };
  const { Credentials } = await sts.send(new AssumeRoleCommand(input));
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
    throw new Error('STS answered without credentials');
  }
  return { AccessKeyId, SecretAccessKey, Token: SessionToken, Expiration: rfc3339(Expiration) };
}
