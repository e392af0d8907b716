import { createHash } from 'node:crypto';
import type { Input } from '../../front-door/service.ts';

export interface SsmParameter {
  name: string;
  type: string;
  value: string;
  version: number;
  modifiedAt: Date;
  description?: string;
  /** Id, ARN or alias of the key that encrypts a `SecureString`; undefined for AWS's own key. */
  keyId?: string;
  tags: Map<string, string>;
  /** Whoever creates a parameter of this name replaces it: `bootstrap.ts`. */
  isStandIn?: true;
}

/**
 * Public parameters of AWS. That of a machine image has an id that is always the same, so that templates with
 * `{{resolve:ssm:...}}` or an SSM parameter type deploy. No such image exists.
 */
export function publicParameter(name: string, now: number): SsmParameter | undefined {
  if (!name.startsWith('/aws/service/')) return undefined;
  const id = createHash('sha256').update(name).digest('hex').slice(0, 17);
  return {
    name,
    type: 'String',
    value: `ami-0${id.slice(1)}`,
    version: 1,
    modifiedAt: new Date(now),
    tags: new Map(),
  };
}

/**
 * The answer of `GetParameter` and similar calls. Without `WithDecryption` a `SecureString` has an unreadable value.
 */
export function describeParameter(parameter: SsmParameter, arn: string, decrypted: boolean): Input {
  const isPlain = parameter.type !== 'SecureString' || decrypted;
  return {
    Name: parameter.name,
    Type: parameter.type,
    Value: isPlain ? parameter.value : ciphertextOf(parameter.value),
    Version: parameter.version,
    LastModifiedDate: parameter.modifiedAt,
    ARN: arn,
    DataType: 'text',
  };
}

/** Stands in for KMS's ciphertext: it differs if the value differs. */
function ciphertextOf(value: string): string {
  return `AQICAHh${createHash('sha256').update(value).digest('base64')}`;
}
