import { STSClient } from '@aws-sdk/client-sts';
import { synchronizeTime } from './client-time.ts';
import { clientOptions } from './clients.ts';
import { type Clock, systemClock } from './clock.ts';

/** STS apart from the other `Clients`: only the agent assumes a role, and the published package goes without this client. */
export interface StsClients {
  readonly sts: STSClient;
  /** Closes the client's connections, if it was used. */
  destroy(): void;
}

/** Makes the client when it is first asked for, as `createClients` does. */
export function createStsClients(region: string, clock: Clock = systemClock): StsClients {
  let client: STSClient | undefined;
  return {
    get sts() {
      if (client) return client;
      client = new STSClient(clientOptions(region));
      synchronizeTime(client, clock);
      return client;
    },
    destroy() {
      client?.destroy();
    },
  };
}
