import { randomUUID } from 'node:crypto';
import type { PolicyDocument } from '../../front-door/policy.ts';
import { AwsError, type KeyUse } from '../../front-door/service.ts';

export interface Key {
  id: string;
  arn: string;
  description: string;
  createdAt: Date;
  policy: PolicyDocument;
  rotates: boolean;
  /** Once its deletion is scheduled the key cannot be used. */
  deletionAt: Date | undefined;
  tags: Map<string, string>;
}

/** The part of `KeyUse` that the caller of `use` knows. */
type Purpose = Pick<KeyUse, 'actions' | 'conditions'>;

/** Symmetric keys of the account, and their aliases. They encrypt nothing here; only the permissions have an effect. */
export class Keys {
  readonly #keys = new Map<string, Key>();
  readonly #aliases = new Map<string, string>();
  /** `arn:aws:kms:us-east-1:000000000000` */
  readonly #prefix: string;

  constructor(region: string, accountId: string) {
    this.#prefix = `arn:aws:kms:${region}:${accountId}`;
  }

  create(given: Pick<Key, 'description' | 'createdAt' | 'policy' | 'tags'>): Key {
    const id = randomUUID();
    const key = { ...given, id, arn: `${this.#prefix}:key/${id}`, rotates: false, deletionAt: undefined };
    this.#keys.set(id, key);
    return key;
  }

  /**
   * @param reference id or ARN of a key or an alias
   * @throws `NotFoundException`
   */
  get(reference: string): Key {
    const name = reference.replace(/^arn:[^:]*:kms:[^:]*:[^:]*:/, '').replace(/^key\//, '');
    const key = this.#keys.get(this.#aliases.get(name) ?? name);
    if (key) return key;
    throw new AwsError('NotFoundException', `Key '${reference}' does not exist`);
  }

  /** ARN of a key or an alias, whether it exists or not. */
  arnOf(reference: string): string {
    if (reference.startsWith('arn:')) return reference;
    return `${this.#prefix}:${reference.startsWith('alias/') ? reference : `key/${reference}`}`;
  }

  setAlias(name: string, key: Key, { isNew }: { isNew: boolean }): void {
    if (this.#aliases.has(name) === isNew) {
      const why = isNew ? 'already exists' : 'is not found';
      throw new AwsError(
        isNew ? 'AlreadyExistsException' : 'NotFoundException',
        `Alias ${this.arnOf(name)} ${why}.`,
      );
    }
    this.#aliases.set(name, key.id);
  }

  removeAlias(name: string): void {
    if (this.#aliases.delete(name)) return;
    throw new AwsError('NotFoundException', `Alias ${this.arnOf(name)} is not found.`);
  }

  /**
   * The use of a key, which the front door checks. Empty for a key that AWS manages: everyone in the account may use
   * it.
   *
   * @throws `NotFoundException`, and `KMSInvalidStateException` for a key that is pending deletion
   */
  use(reference: string | undefined, purpose: Purpose): KeyUse[] {
    if (reference === undefined || reference === '' || /(^|:)alias\/aws\//.test(reference)) return [];
    const { arn, policy, deletionAt } = this.get(reference);
    if (deletionAt) throw new AwsError('KMSInvalidStateException', `${arn} is pending deletion.`);
    return [{ ...purpose, arn, policy }];
  }
}

/**
 * Gives errors of KMS the code of the service that used a key, which quotes them.
 *
 * @param use a call of `Keys.use`
 */
export function withErrorCode<T>(code: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(code, `${error.message} (Service: AWSKMS; Error Code: ${error.code})`);
  }
}
