import type { Grant, IGrantable, IRole } from 'aws-cdk-lib/aws-iam';
import { FleetPropsError } from '../props/errors.ts';
import type { EncryptionKeys } from '../props/stores.ts';

type Store = keyof EncryptionKeys;
type Use = 'read' | 'write';
type Uses = Partial<Record<Store, Use[]>>;

/**
 * KMS actions that the use of a store needs: "Encryption at rest in Amazon SQS: key management", "DynamoDB encryption at rest"
 * (as aws-cdk-lib grants it), "Using server-side encryption with AWS KMS keys". No wildcards, as cdk-nag reports them.
 */
const ACTIONS: Record<Store, Record<Use, string[]>> = {
  queues: { read: ['Decrypt'], write: ['GenerateDataKey', 'Decrypt'] },
  table: {
    read: ['Decrypt', 'DescribeKey'],
    write: ['Encrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKey'],
  },
  logBucket: { read: ['Decrypt'], write: ['GenerateDataKey'] },
};

/** Keys for which a grant has an effect. */
const ALLOWED =
  'Key.fromKeyArn or Key.fromLookup, or a key of the app; Alias.fromAliasName only with the feature flag ' +
  '@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal';

/** Grants the use of the owner's keys, for the stores that the grantee uses. Stores with AWS owned keys need no grant. */
export function grantKeys(keys: EncryptionKeys, grantee: IGrantable, uses: Uses): Grant[] {
  return grantsOf(keys, grantee, uses).map(({ grant }) => grant);
}

/**
 * The same for a role of the fleet, which cannot work without the keys.
 *
 * Throws a `FleetPropsError` for a key whose grant has no effect.
 */
export function grantKeysToRole(where: string, keys: EncryptionKeys, role: IRole, uses: Uses): void {
  const dropped = grantsOf(keys, role, uses).find(({ grant }) => !grant.success);
  if (!dropped) return;
  const is = `${dropped.key.node.path}, whose grant has no effect`;
  throw new FleetPropsError(where, `encryptionKeys.${dropped.store}`, is, ALLOWED);
}

function grantsOf(keys: EncryptionKeys, grantee: IGrantable, uses: Uses) {
  return Object.entries(uses).flatMap(([name, kinds]) => {
    const store = name as Store;
    const key = keys[store];
    const actions = new Set(kinds.flatMap((use) => ACTIONS[store][use]));
    return key
      ? [{ store, key, grant: key.grant(grantee, ...[...actions].map((action) => `kms:${action}`)) }]
      : [];
  });
}
