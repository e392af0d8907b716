import type { CloudContext, RunningService } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import { SecretKeys } from './key-uses.ts';
import type { Parts } from './operation.ts';
import { secretOperations } from './secret-operations.ts';
import { Secrets } from './secrets.ts';
import { valueOperations } from './value-operations.ts';

/**
 * Secrets Manager, without rotation by functions, replicas in other regions and resource policies: these calls and
 * parameters are refused by name.
 */
export function createSecretsManager(context: CloudContext, keys: Keys): RunningService {
  const secrets = new Secrets(context.region, context.accountId);
  const parts: Parts = { secrets, keys: new SecretKeys(keys), clock: context.clock };
  const operations = { ...secretOperations(parts), ...valueOperations(parts) };
  return {
    service: { name: 'secretsmanager', operations },
    close: async () => secrets.close(),
  };
}
