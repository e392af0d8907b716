import { optionalText } from '../../front-door/read.ts';
import type { Input, KeyUse } from '../../front-door/service.ts';
import { type Keys, withErrorCode } from '../kms/keys.ts';

type Failure = 'DecryptionFailure' | 'EncryptionFailure';

/** The version id in the calls that check the access to a key. */
const VALIDATION = 'RequestToValidateKeyAccess';

/**
 * The uses of keys ("Secret encryption and decryption in AWS Secrets Manager"): with the permissions of the caller, and
 * with the secret and its version as the encryption context. AWS's own key needs no permissions.
 */
export class SecretKeys {
  readonly #keys: Keys;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** A version is read. */
  decryption(keyId: string | undefined, arn: string, versionId: string): KeyUse[] {
    return this.#use(keyId, ['kms:Decrypt'], { arn, versionId, failure: 'DecryptionFailure' });
  }

  /** A version is written. */
  encryption(keyId: string | undefined, arn: string, versionId: string): KeyUse[] {
    return this.#use(keyId, ['kms:GenerateDataKey'], { arn, versionId, failure: 'EncryptionFailure' });
  }

  /** A secret gets this key. */
  validation(keyId: string | undefined, arn: string): KeyUse[] {
    const actions = ['kms:GenerateDataKey', 'kms:Decrypt'];
    return this.#use(keyId, actions, { arn, versionId: VALIDATION, failure: 'EncryptionFailure' });
  }

  /** The versions with AWS's staging labels are encrypted anew. Decrypting them with the old key needs no check here. */
  reencryption(keyId: string | undefined, arn: string): KeyUse[] {
    return this.#use(keyId, ['kms:Encrypt'], { arn, versionId: VALIDATION, failure: 'EncryptionFailure' });
  }

  #use(
    keyId: string | undefined,
    actions: string[],
    { arn, versionId, failure }: { arn: string; versionId: string; failure: Failure },
  ): KeyUse[] {
    const conditions = {
      'kms:EncryptionContext:SecretARN': arn,
      'kms:EncryptionContext:SecretVersionId': versionId,
    };
    return withErrorCode(failure, () => this.#keys.use(keyId, { actions, conditions }));
  }
}

/** The key that a request names; undefined for AWS's own key. */
export function readKeyId(input: Input): string | undefined {
  const keyId = optionalText(input, 'KmsKeyId');
  return keyId?.endsWith('alias/aws/secretsmanager') ? undefined : keyId;
}
