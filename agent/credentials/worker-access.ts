import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import type { StsClients } from '../../aws/sts-clients.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';
import { type Admission, CredentialsEndpoint } from './endpoint.ts';
import {
  formatRfc3339,
  NoCredentialsError,
  RoleSession,
  SESSION_SECONDS,
  type WorkerCredentials,
} from './session.ts';

/** Gives workers credentials of their role. Each worker is admitted while it runs. */
export interface WorkerAccess {
  /** Assumes the workers' role if there are no credentials yet. Resolves when STS has answered, or after some tries. */
  verify(): Promise<void>;
  admit(): Admission;
  /** The credentials of the workers. Rejects with `NoCredentialsError`. */
  credentials(): Promise<WorkerCredentials>;
  close(): Promise<void>;
}

export interface WorkerAccessOptions {
  config: { workerRole?: string | undefined; concurrency: number };
  clients: Pick<StsClients, 'sts'>;
  /** This instance's id, which becomes part of the session's name. */
  instance: string;
  clock: Clock;
  /** Gets the results of the calls to STS. */
  refusals: Pick<RefusalTracker, 'answered' | 'failed'>;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
}

/** Returns undefined if the fleet's workers have no role. Rejects if no port on loopback is free. */
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
  const endpoint = await CredentialsEndpoint.open({
    credentials,
    slots: config.concurrency,
    clock: options.clock,
  });
  return {
    verify: () => verify(credentials, options.clock),
    admit: () => endpoint.admit(),
    credentials,
    async close() {
      session.close();
      await endpoint.close();
    },
  };
}

/** An STS endpoint in a distant Region may take longer than one request waits. */
const VERIFY_TRIES = 5;
const VERIFY_PAUSE_MS = 200;

async function verify(credentials: () => Promise<unknown>, clock: Clock): Promise<void> {
  for (let tries = 1; tries <= VERIFY_TRIES; tries++) {
    try {
      await credentials();
      return;
    } catch (error) {
      if (!(error instanceof NoCredentialsError)) throw error;
      if (error.denied) return;
      await clock.sleep(VERIFY_PAUSE_MS);
    }
  }
}

/**
 * The session's name in CloudTrail. It is not the bare instance id, since EC2 names the sessions of the instance's role so.
 * STS accepts 2 to 64 letters, digits and `_+=,.@-`.
 */
function sessionName(instance: string): string {
  return `mayfly-${instance.replaceAll(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);
}

async function assume(
  { sts }: Pick<StsClients, 'sts'>,
  RoleArn: string,
  RoleSessionName: string,
): Promise<WorkerCredentials> {
  const input = { RoleArn, RoleSessionName, DurationSeconds: SESSION_SECONDS };
  const { Credentials } = await sts.send(new AssumeRoleCommand(input));
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
    throw new Error('STS answered without credentials');
  }
  return { AccessKeyId, SecretAccessKey, Token: SessionToken, Expiration: formatRfc3339(Expiration) };
}
