import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient, type SSMClientConfig } from '@aws-sdk/client-ssm';
import { synchronizeTime } from './client-time.ts';
import { clientOptions } from './clients.ts';
import type { Clock } from './clock.ts';

/** The clients that read secrets with other credentials than those of this process. */
export interface SecretClients {
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
  /** Closes the connections of the clients that were used. */
  destroy(): void;
}

type Credentials = NonNullable<SSMClientConfig['credentials']>;

/**
 * Makes each client when it is first asked for, as `createClients` does.
 *
 * @param credentials whose rights count. Asked for each call.
 */
export function createSecretClients(region: string, credentials: Credentials, clock: Clock): SecretClients {
  let secretsManager: SecretsManagerClient | undefined;
  let ssm: SSMClient | undefined;
  const options = { ...clientOptions(region), credentials };
  return {
    get secretsManager() {
      if (secretsManager) return secretsManager;
      secretsManager = new SecretsManagerClient(options);
      synchronizeTime(secretsManager, clock);
      return secretsManager;
    },
    get ssm() {
      if (ssm) return ssm;
      ssm = new SSMClient(options);
      synchronizeTime(ssm, clock);
      return ssm;
    },
    destroy() {
      secretsManager?.destroy();
      ssm?.destroy();
    },
  };
}
