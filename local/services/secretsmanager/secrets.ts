import { randomInt } from 'node:crypto';
import type { Cancel } from '../../clock.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import type { Labels } from './labels.ts';

/** Text, or bytes in base64. */
export type SecretValue = { readonly text: string } | { readonly base64: string };

export interface Version {
  readonly id: string;
  readonly value: SecretValue;
  readonly createdAt: Date;
  /** The key that it is encrypted with, as in `Secret`. */
  keyId: string | undefined;
}

export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly createdAt: Date;
  changedAt: Date;
  /** The day of the last read, in UTC: AWS tells no more. */
  accessedOn: Date | undefined;
  description: string | undefined;
  /** Id, ARN or alias of a customer managed key; undefined for `aws/secretsmanager`. */
  keyId: string | undefined;
  /** When its recovery window ends, once its deletion is scheduled. */
  deletion: { at: Date; cancel: Cancel } | undefined;
  tags: Map<string, string>;
  readonly versions: Map<string, Version>;
  readonly labels: Labels;
}

const ALPHANUMERICS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SUFFIX_LENGTH = 6;
const SUFFIX = new RegExp(`-[A-Za-z0-9]{${SUFFIX_LENGTH}}$`);
const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/;

/** The secrets of a region. Values are stored unencrypted, as they stay on this machine. */
export class Secrets {
  readonly #byName = new Map<string, Secret>();
  readonly #newArns = new WeakMap<Input, string>();
  /** `arn:aws:secretsmanager:us-east-1:000000000000:secret:` */
  readonly #prefix: string;

  constructor(region: string, accountId: string) {
    this.#prefix = `arn:aws:secretsmanager:${region}:${accountId}:secret:`;
  }

  /** Sorted by time of creation. */
  all(): Secret[] {
    return [...this.#byName.values()];
  }

  /**
   * Finds a secret by its name, its ARN, or its ARN without the random suffix. An ARN that ends like one with a suffix
   * counts as complete ("An AWS CLI or AWS SDK operation can't find my secret from a partial ARN").
   */
  find(id: string): Secret | undefined {
    if (!id.startsWith(this.#prefix)) return this.#byName.get(id);
    const complete = this.all().find(({ arn }) => arn === id);
    const rest = id.slice(this.#prefix.length);
    return complete ?? (SUFFIX.test(rest) ? undefined : this.#byName.get(rest));
  }

  /** @throws `ResourceNotFoundException`, and `ValidationException` for what cannot be the name of a secret */
  get(id: string): Secret {
    const secret = this.find(id);
    if (secret) return secret;
    if (!id.startsWith('arn:')) checkName(id);
    throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  }

  /** @throws also `InvalidRequestException` if its deletion is scheduled */
  getActive(id: string): Secret {
    const secret = this.get(id);
    if (secret.deletion) {
      const message = "You can't perform this operation on the secret because it was marked for deletion.";
      throw new AwsError('InvalidRequestException', message);
    }
    return secret;
  }

  /** The resource that IAM checks: a secret's ARN, or what was given if there is no such secret. */
  resourceOf(id: string): string {
    return this.find(id)?.arn ?? id;
  }

  /** The ARN that a request to create a secret gives it. IAM and KMS check it before the secret exists. */
  newArn(request: Input, name: string): string {
    const suffix = () =>
      Array.from({ length: SUFFIX_LENGTH }, () => ALPHANUMERICS[randomInt(ALPHANUMERICS.length)]).join('');
    const arn = this.#newArns.get(request) ?? `${this.#prefix}${name}-${suffix()}`;
    this.#newArns.set(request, arn);
    return arn;
  }

  add(given: Pick<Secret, 'arn' | 'name' | 'createdAt' | 'description' | 'keyId' | 'tags'>): Secret {
    checkName(given.name);
    const secret: Secret = {
      ...given,
      ...{ changedAt: given.createdAt, accessedOn: undefined, deletion: undefined },
      ...{ versions: new Map(), labels: new Map() },
    };
    this.#byName.set(secret.name, secret);
    return secret;
  }

  remove(secret: Secret): void {
    secret.deletion?.cancel();
    this.#byName.delete(secret.name);
  }

  /** Ends the timers of scheduled deletions. */
  close(): void {
    for (const { deletion } of this.all()) deletion?.cancel();
  }
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  const allowed =
    'Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!';
  throw new AwsError('ValidationException', `Invalid name. ${allowed}`);
}
