import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { EncryptionKeys } from './props.ts';

type Store = keyof EncryptionKeys;
type Use = 'read' | 'write';

/**
 * What the use of a store asks of its key: "Encryption at rest in Amazon SQS: key management", "DynamoDB encryption at rest"
 * (as aws-cdk-lib grants it), "Using server-side encryption with AWS KMS keys". Each action by its name, as cdk-nag has it.
 */
const ACTIONS: Record<Store, Record<Use, string[]>> = {
  queues: { read: ['Decrypt'], write: ['GenerateDataKey', 'Decrypt'] },
  table: {
    read: ['Decrypt', 'DescribeKey'],
    write: ['Encrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKey'],
  },
  logBucket: { read: ['Decrypt'], write: ['GenerateDataKey'] },
};

/** Grants the use of the owner's keys, as far as somebody uses the stores. Stores with keys of AWS need no right. */
export function useKeys(
  keys: EncryptionKeys,
  grantee: IGrantable,
  uses: Partial<Record<Store, Use[]>>,
): Grant[] {
  return Object.entries(uses).flatMap(([store, kinds]) => {
    const key = keys[store as Store];
    const actions = new Set(kinds.flatMap((use) => ACTIONS[store as Store][use]));
    return key ? [key.grant(grantee, ...[...actions].map((action) => `kms:${action}`))] : [];
  });
}
