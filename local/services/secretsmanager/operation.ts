import type { CloudClock } from '../../clock.ts';
import type { ConditionContext } from '../../front-door/conditions.ts';
import { optionalText, structures, text } from '../../front-door/read.ts';
import { AwsError, type Input, type KeyUse, type Operation } from '../../front-door/service.ts';
import type { SecretKeys } from './key-uses.ts';
import type { Secret, Secrets } from './secrets.ts';

/** What the operations work on. */
export interface Parts {
  secrets: Secrets;
  keys: SecretKeys;
  clock: CloudClock;
}

interface OnSecret {
  run(secret: Secret, input: Input): Input;
  /** The keys that the call uses. Not asked for a secret whose deletion is scheduled, which `run` refuses. */
  keyUses?(secret: Secret, input: Input): KeyUse[];
}

/** An operation on a secret that exists and whose deletion is not scheduled. */
export function onSecret({ secrets }: Parts, { run, keyUses }: OnSecret): Operation {
  return {
    ...checksOf(secrets),
    keyUses: (input) => {
      const secret = secrets.find(text(input, 'SecretId'));
      return secret && !secret.deletion && keyUses ? keyUses(secret, input) : [];
    },
    run: (input) => run(secrets.getActive(text(input, 'SecretId')), input),
  };
}

/** What IAM checks of a call that names a secret. */
export function checksOf(secrets: Secrets): Pick<Operation, 'resources' | 'conditions'> {
  return {
    resources: (input) => [secrets.resourceOf(text(input, 'SecretId'))],
    conditions: (input) => ({
      ...conditionsOf(input),
      ...tagConditions(
        ['aws:ResourceTag', 'secretsmanager:ResourceTag'],
        secrets.find(text(input, 'SecretId'))?.tags,
      ),
    }),
  };
}

/** "Condition keys for AWS Secrets Manager": those that are parameters of the request. */
const PARAMETERS = [
  ...['Name', 'Description', 'KmsKeyId', 'SecretId', 'VersionId', 'VersionStage'],
  ...['RecoveryWindowInDays', 'ForceDeleteWithoutRecovery'],
];

/** The condition keys of a request. A parameter that it does not have is absent, also if it has a default. */
export function conditionsOf(input: Input): ConditionContext {
  const given = PARAMETERS.flatMap((name) => {
    const value = optionalText(input, name);
    return value === undefined ? [] : [[`secretsmanager:${name}`, value] as const];
  });
  const tags = readTags(input);
  return {
    ...Object.fromEntries(given),
    ...tagConditions(['aws:RequestTag'], tags),
    ...(tags.size > 0 && { 'aws:TagKeys': [...tags.keys()] }),
  };
}

function tagConditions(prefixes: string[], tags: ReadonlyMap<string, string> = new Map()): ConditionContext {
  const pairs = [...tags].flatMap(([key, value]) => prefixes.map((prefix) => [`${prefix}/${key}`, value]));
  return Object.fromEntries(pairs);
}

export function readTags(input: Input): Map<string, string> {
  return new Map(
    structures(input, 'Tags').map((tag) => [text(tag, 'Key'), optionalText(tag, 'Value') ?? '']),
  );
}

/** Refuses parameters by name. */
export function refuse(input: Input, parameters: readonly string[]): void {
  const given = parameters.find((name) => input[name] !== undefined && input[name] !== null);
  if (given !== undefined) throw invalid(`${given} is not implemented here.`);
}

export const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);
