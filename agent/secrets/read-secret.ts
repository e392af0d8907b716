import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { SecretClients } from '../../aws/secret-clients.ts';
import type { SecretConfig } from '../config/secret-config.ts';
import { SecretValueError } from './secret-value.ts';

/**
 * Reads the whole text of a secret: its current version, decrypted. Rejects with an error of the SDK.
 *
 * @throws SecretValueError if the secret has no text
 */
export async function readSecret(
  clients: Pick<SecretClients, 'secretsManager' | 'ssm'>,
  { source, id }: Pick<SecretConfig, 'source' | 'id'>,
): Promise<string> {
  const text = source === 'ssm' ? await readParameter(clients, id) : await readString(clients, id);
  if (text !== undefined) return text;
  throw new SecretValueError('its value is binary; a secret of the workers has to be a text, such as base64');
}

async function readParameter({ ssm }: Pick<SecretClients, 'ssm'>, Name: string): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
  return Parameter?.Value;
}

async function readString(
  { secretsManager }: Pick<SecretClients, 'secretsManager'>,
  SecretId: string,
): Promise<string | undefined> {
  const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId }));
  return SecretString;
}
