import { Token } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';
import {
  MOST_SECRETS,
  SECRET_NAME,
  SECRET_NAME_ALLOWED,
  type SecretConfig,
} from '../../agent/config/secret-config.ts';
import { type Check, checkAll, flag, isObject, text } from './checks.ts';
import { FleetPropsError } from './errors.ts';

/** How a worker gets a secret. */
export interface WorkerSecretOptions {
  /**
   * Key of the JSON object that the secret is, such as `password`. The worker gets the value of this key: a text, or a
   * number or a boolean as it is written.
   *
   * @default - the whole value of the secret
   */
  readonly field?: string;
  /**
   * Whether the variable has the path of a file with the value, instead of the value. Only the job can read the file. It
   * is in memory, and is removed when the job has ended. For programs that take keys and passwords from files.
   *
   * @default false
   */
  readonly file?: boolean;
}

/** Where a secret is, and what its reader has to be permitted. */
interface Origin {
  source: SecretConfig['source'];
  id: string;
  encryptionKey: IKey | undefined;
  action: string;
  arn: string;
  /** The key of KMS's encryption context that has the ARN. */
  context: string;
}

/**
 * A secret for the workers of a fleet (the prop `secrets`): a secret of AWS Secrets Manager, one field of it, or an SSM
 * parameter. Template, user-data and agent.json have only its ARN or name.
 */
export class WorkerSecret {
  /**
   * A secret of AWS Secrets Manager. Workers get its current version (`AWSCURRENT`). It has to be a text; a binary secret
   * cannot be read.
   *
   * Throws a `FleetPropsError` for an option that is not allowed.
   *
   * @param secret a secret with an ARN. One of another account needs its complete ARN, its `encryptionKey`, and a resource
   * policy that lets the workers' role read it.
   */
  static fromSecretsManager(secret: ISecret, options: WorkerSecretOptions = {}): WorkerSecret {
    const { secretArn, secretFullArn, encryptionKey } = secret;
    return new WorkerSecret(options, {
      source: 'secretsmanager',
      id: secretFullArn ?? secretArn,
      encryptionKey,
      action: 'secretsmanager:GetSecretValue',
      // Secrets Manager adds a hyphen and six characters to the name of a secret ("CreateSecret").
      arn: secretFullArn ?? `${secretArn}-??????`,
      context: 'SecretARN',
    });
  }

  /**
   * A parameter of the Systems Manager Parameter Store, in its latest version. A `SecureString` is decrypted.
   *
   * Throws a `FleetPropsError` for an option that is not allowed.
   *
   * @param parameter a `SecureString` by `StringParameter.fromSecureStringParameterAttributes`, with its `encryptionKey` if
   * it is encrypted with a key of yours
   */
  static fromSsmParameter(parameter: IParameter, options: WorkerSecretOptions = {}): WorkerSecret {
    const { parameterName, parameterArn } = parameter;
    // The interface lacks the member; the class has it.
    const { encryptionKey } = parameter as IParameter & { encryptionKey?: IKey };
    return new WorkerSecret(options, {
      source: 'ssm',
      id: parameterName,
      encryptionKey,
      action: 'ssm:GetParameter',
      arn: parameterArn,
      context: 'PARAMETER_ARN',
    });
  }

  /** The service that has it. */
  readonly source: 'secretsmanager' | 'ssm';
  /** The ARN of the secret, or the name of the parameter. */
  readonly id: string;
  /** The key of the JSON object whose value is the secret; undefined for the whole value. */
  readonly field: string | undefined;
  /** Whether the worker gets the path of a file with the value. */
  readonly file: boolean;
  /** The key of the owner that encrypts it; undefined for a key of AWS. */
  readonly encryptionKey: IKey | undefined;
  readonly #origin: Origin;

  private constructor(options: WorkerSecretOptions, origin: Origin) {
    checkAll('WorkerSecret', options, optionChecks);
    this.#origin = origin;
    this.source = origin.source;
    this.id = origin.id;
    this.encryptionKey = origin.encryptionKey;
    this.field = options.field;
    this.file = options.file ?? false;
  }

  /**
   * Lets a principal read the secret. A fleet grants it to the role of its workers.
   *
   * A key of the owner may be used for this secret only: the ARN is in the encryption context that Secrets Manager and
   * Systems Manager pass to KMS.
   */
  grantRead(grantee: IGrantable): Grant {
    const { action, arn, context } = this.#origin;
    const grant = Grant.addToPrincipal({ grantee, actions: [action], resourceArns: [arn] });
    if (!this.encryptionKey) return grant;
    const decrypt = Grant.addToPrincipal({
      grantee,
      actions: ['kms:Decrypt'],
      resourceArns: [this.encryptionKey.keyArn],
      conditions: {
        [arn.endsWith('?') ? 'StringLike' : 'StringEquals']: { [`kms:EncryptionContext:${context}`]: arn },
      },
    });
    return grant.combine(decrypt);
  }
}

const optionChecks: Record<string, Check> = {
  field: text('the name of a key of a JSON object', /./),
  file: flag,
};

/** A value of the prop `secrets`. */
type Given = WorkerSecret | ISecret | IParameter;

/** A refused value is shown by its kind: it may be a secret. */
const secretCheck: Check = {
  allowed: 'a WorkerSecret, an ISecret or an IParameter; never the secret itself',
  test: (value) =>
    value instanceof WorkerSecret || (isObject(value) && ('secretArn' in value || 'parameterName' in value)),
  show: kindOf,
};

export const secretsCheck: Check = {
  allowed: `up to ${MOST_SECRETS} secrets, each by the name of its environment variable: ${SECRET_NAME_ALLOWED}`,
  test: (value) =>
    isObject(value) &&
    Object.keys(value).length <= MOST_SECRETS &&
    Object.keys(value).every((name) => SECRET_NAME.test(name)),
  show: (value) => (isObject(value) ? `named ${Object.keys(value).join(', ')}` : kindOf(value)),
  values: secretCheck,
};

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (isObject(value)) return `an object of ${value.constructor?.name ?? 'no class'}`;
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** The secrets by name, each as a `WorkerSecret`. */
export function toWorkerSecrets(secrets: Readonly<Record<string, Given>> = {}): [string, WorkerSecret][] {
  return Object.entries(secrets).map(([name, value]) => [name, toWorkerSecret(value)]);
}

function toWorkerSecret(value: Given): WorkerSecret {
  if (value instanceof WorkerSecret) return value;
  return 'secretArn' in value ? WorkerSecret.fromSecretsManager(value) : WorkerSecret.fromSsmParameter(value);
}

/** What agent.json has of the secrets. */
export function toSecretConfigs(secrets: Readonly<Record<string, Given>>): Record<string, SecretConfig> {
  const configs = toWorkerSecrets(secrets).map(([name, { source, id, field, file }]) => {
    return [name, { source, id, ...(field !== undefined && { field }), ...(file && { file }) }] as const;
  });
  return Object.fromEntries(configs);
}

/** The services that agents have to reach for secrets. */
export function toSecretServices(configs: object | undefined): string[] {
  const all: SecretConfig[] = Object.values(configs ?? {});
  return [...new Set(all.map(({ source }) => source))];
}

/**
 * Refuses a secret for which a permission would have no effect.
 *
 * Throws a `FleetPropsError`.
 *
 * @param key its key in the props
 */
export function validateSecret(
  where: string,
  key: string,
  { source, id, encryptionKey }: WorkerSecret,
): void {
  if (encryptionKey) refuseAlias(where, `${key}.encryptionKey`, encryptionKey);
  if (source !== 'secretsmanager' || Token.isUnresolved(id) || id.startsWith('arn:')) return;
  const allowed = 'a secret with an ARN (Secret.fromSecretNameV2, Secret.fromSecretCompleteArn)';
  throw new FleetPropsError(where, key, `the name ${JSON.stringify(id)} alone`, allowed);
}

/** Permission to use an alias does not include its key, which synth does not know ("Using aliases in policies"). */
export function refuseAlias(where: string, key: string, encryptionKey: object): void {
  if (!('aliasName' in encryptionKey)) return;
  const allowed =
    'a key (Key.fromKeyArn, Key.fromLookup), as permission to use an alias does not include its key';
  throw new FleetPropsError(where, key, 'an alias', allowed);
}
