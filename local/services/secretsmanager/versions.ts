import { optionalText, texts } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { attachLabel, CURRENT, labelsOf } from './labels.ts';
import type { Secret, SecretValue, Version } from './secrets.ts';

/** "AWS Secrets Manager quotas": the longest secret value, in bytes. */
const LONGEST_VALUE = 65_536;

/**
 * The value of a request; undefined if it has none. No error shows the value, because the log of calls has the errors.
 */
export function readValue(input: Input): SecretValue | undefined {
  const text = readSecretText(input, 'SecretString');
  const base64 = readSecretText(input, 'SecretBinary');
  if (text !== undefined && base64 !== undefined) {
    throw new AwsError('InvalidParameterException', "You can't specify both SecretString and SecretBinary.");
  }
  const bytes = text === undefined ? Buffer.byteLength(base64 ?? '', 'base64') : Buffer.byteLength(text);
  if (bytes > LONGEST_VALUE) {
    const message = `The secret value has ${bytes} bytes; allowed: at most ${LONGEST_VALUE}.`;
    throw new AwsError('ValidationException', message);
  }
  if (text !== undefined) return { text };
  return base64 === undefined ? undefined : { base64 };
}

function readSecretText(input: Input, key: string): string | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new AwsError('SerializationException', `${key} is not a string.`);
}

/** The id of a new version. SDKs draw one. */
export function readToken(input: Input): string {
  const token = optionalText(input, 'ClientRequestToken');
  if (token === undefined) {
    const message = 'You must provide a ClientRequestToken value. We recommend a UUID-type value.';
    throw new AwsError('InvalidRequestException', message);
  }
  if (token.length >= 32 && token.length <= 64) return token;
  throw new AwsError('InvalidParameterException', 'ClientRequestToken must be 32-64 characters long.');
}

/** The staging labels that a request gives to a new version. */
export function readLabels(input: Input, secret: Secret): string[] {
  const labels = texts(input, 'VersionStages');
  const isFirst = !secret.labels.has(CURRENT);
  return labels.length === 0 || isFirst ? [...labels, CURRENT] : labels;
}

/**
 * Adds a version. A repeated request changes nothing.
 *
 * @throws `ResourceExistsException` if a version with this id has another value
 */
export function putVersion(secret: Secret, version: Version, labels: readonly string[]): void {
  const known = secret.versions.get(version.id);
  if (known && !isSameValue(known.value, version.value)) throw tokenInUse(secret, version.id);
  if (known) return;
  secret.versions.set(version.id, version);
  for (const label of labels) attachLabel(secret.labels, label, version.id);
  secret.changedAt = version.createdAt;
}

export function isSameValue(one: SecretValue, other: SecretValue | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function tokenInUse({ arn }: Secret, token: string): AwsError {
  const why = `that value is already in use for a version of secret ${arn}`;
  return new AwsError('ResourceExistsException', `You can't use ClientRequestToken ${token} because ${why}.`);
}

/** The version that a request asks for: by its id, by a staging label, or that of `AWSCURRENT`. */
export function findVersion(secret: Secret, input: Input): Version | undefined {
  const id = optionalText(input, 'VersionId');
  const label = optionalText(input, 'VersionStage') ?? CURRENT;
  return secret.versions.get(id ?? secret.labels.get(label) ?? '');
}

/** @throws `ResourceNotFoundException`, and `InvalidRequestException` if id and staging label are not of one version */
export function getVersion(secret: Secret, input: Input): Version {
  const id = optionalText(input, 'VersionId');
  const label = optionalText(input, 'VersionStage');
  const version = findVersion(secret, input);
  if (!version) {
    const what = id === undefined ? `staging label: ${label ?? CURRENT}` : `VersionId: ${id}`;
    const message = `Secrets Manager can't find the specified secret value for ${what}`;
    throw new AwsError('ResourceNotFoundException', message);
  }
  if (label !== undefined && !labelsOf(secret.labels, version.id).includes(label)) {
    const message = 'You provided a VersionStage that is not associated to the provided VersionId.';
    throw new AwsError('InvalidRequestException', message);
  }
  return version;
}
