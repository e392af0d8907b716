import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { having, object, oneOf } from './checks.ts';
import { checksOf, type PropRows } from './rows.ts';

/** The queues, the table and the log bucket of a fleet. */
export interface FleetStoreProps {
  /**
   * KMS keys of yours that encrypt the queues, the table and the log bucket. A grant of the fleet includes the use of the
   * keys that it needs. The key policy of an imported key must allow IAM policies of the account. A service of AWS that
   * sends to the queue (SNS, S3, EventBridge) must be allowed in the policy of the queues' key. If you replace a key,
   * existing data stays encrypted with the old key, and the fleet loses its right to use that key:
   * `oldKey.grantDecrypt(fleet.role)` restores it.
   *
   * @default - keys of SQS, DynamoDB and S3 themselves
   */
  readonly encryptionKeys?: EncryptionKeys;
  /**
   * What happens to the queues, the table and the log bucket when the stack is deleted. The default keeps them, except
   * that a first deployment that fails removes them. With `RemovalPolicy.DESTROY` they are deleted; a function of
   * aws-cdk-lib empties the bucket first (`autoDeleteObjects`).
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** KMS keys, by what they encrypt. */
export interface EncryptionKeys {
  /**
   * Key of the queue and the dead-letter queue.
   *
   * @default - the key of SQS itself
   */
  readonly queues?: IKey;
  /**
   * Key of the table.
   *
   * @default - the key of DynamoDB itself
   */
  readonly table?: IKey;
  /**
   * Key of the log bucket, which uses an S3 Bucket Key.
   *
   * @default - the key of S3 itself
   */
  readonly logBucket?: IKey;
}

const key = having('an IKey', 'keyArn');

export const encryptionKeyRows = {
  queues: { check: key },
  table: { check: key },
  logBucket: { check: key },
} satisfies PropRows<EncryptionKeys>;

export const encryptionKeysCheck = object(checksOf(encryptionKeyRows));

export const storeRows = {
  encryptionKeys: { check: encryptionKeysCheck, default: {} },
  removalPolicy: {
    check: oneOf('destroy', 'retain', 'retain-on-update-or-delete'),
    default: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  },
} satisfies PropRows<FleetStoreProps>;
