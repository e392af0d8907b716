import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cloud, type CloudOptions, startCloud } from '../../cloud.ts';
import type { CallRecord } from '../../front-door/call-log.ts';

export interface TestCloud extends Cloud {
  /** Configures an SDK client of the owner. */
  client: ClientConfig;
  /** Configures an SDK client of a role's session. */
  clientAs(roleArn: string, sessionName: string): ClientConfig;
  calls(): Promise<CallRecord[]>;
}

export interface ClientConfig {
  endpoint: string;
  region: string;
  maxAttempts: number;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** Starts a cloud in a temporary directory. `close` removes both. */
export async function startTestCloud(options: Partial<CloudOptions> = {}): Promise<TestCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-cloud-'));
  const cloud = await startCloud({ directory, ...options });
  const common = { endpoint: cloud.endpoint, region: cloud.region, maxAttempts: 1 };
  return {
    ...cloud,
    client: { ...common, credentials: cloud.owner },
    clientAs(roleArn, sessionName) {
      const session = cloud.context.issueSession(roleArn, sessionName);
      const credentials = {
        accessKeyId: session.AccessKeyId,
        secretAccessKey: session.SecretAccessKey,
        sessionToken: session.SessionToken,
      };
      return { ...common, credentials };
    },
    async calls() {
      const lines = (await readFile(cloud.logFile, 'utf8')).trim().split('\n');
      return lines.filter(Boolean).map((line) => JSON.parse(line) as CallRecord);
    },
    async close() {
      await cloud.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
