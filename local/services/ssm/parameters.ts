import { createHash } from 'node:crypto';
import type { Input } from '../../front-door/service.ts';

export interface Parameter {
  name: string;
  type: string;
  value: string;
  version: number;
  modifiedAt: Date;
  description?: string;
  /** Id, ARN or alias of the key that a `SecureString` is encrypted with; undefined for one of AWS. */
  keyId?: string;
  tags: Map<string, string>;
  /** Its name is free: `bootstrap.ts`. */
  isStandIn?: true;
}

/**
 * Parameters that AWS publishes. A machine image's resolves to an id of its own, always the same, so that templates
 * with `{{resolve:ssm:...}}` or an SSM parameter type deploy; no such image exists.
 */
export function publicParameter(name: string, now: number): Parameter | undefined {
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

/** As `GetParameter` and its kin answer it: without `WithDecryption` the value of a `SecureString` is not to be read. */
export function describeParameter(parameter: Parameter, arn: string, decrypted: boolean): Input {
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

/** Stands in for what KMS makes of a value: it tells whether the value has changed, and nothing else. */
function ciphertextOf(value: string): string {
  return `AQICAHh${createHash('sha256').update(value).digest('base64')}`;
}
