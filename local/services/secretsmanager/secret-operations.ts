import { optionalBoolean, optionalChoice, optionalInteger, text, texts } from '../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../front-door/service.ts';
import { versionsToLabels } from './labels.ts';
import { checksOf, invalid, onSecret, type Parts, readTags, refuse } from './operation.ts';
import type { Secret } from './secrets.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** "DeleteSecret": the recovery window, in days. */
const WINDOW = { shortest: 7, longest: 30 };
/** "ListSecrets": the maximum of MaxResults. */
const LONGEST_PAGE = 100;

/** The calls on secrets as a whole. */
export function secretOperations(parts: Parts): Record<string, Operation> {
  const { secrets } = parts;
  const onAnySecret = (run: (secret: Secret) => Input): Operation => ({
    ...checksOf(secrets),
    run: (input) => run(secrets.get(text(input, 'SecretId'))),
  });
  return {
    DescribeSecret: onAnySecret((secret) => ({
      ...describe(secret),
      VersionIdsToStages: secret.labels.size > 0 ? versionsToLabels(secret.labels) : undefined,
    })),
    DeleteSecret: { ...checksOf(secrets), run: (input) => deleteSecret(parts, input) },
    RestoreSecret: onAnySecret((secret) => {
      secret.deletion?.cancel();
      secret.deletion = undefined;
      return { ARN: secret.arn, Name: secret.name };
    }),
    ListSecrets: { run: (input) => list(secrets.all(), input) },
    TagResource: onSecret(parts, {
      run: ({ tags }, input) => {
        for (const [key, value] of readTags(input)) tags.set(key, value);
        return {};
      },
    }),
    UntagResource: onSecret(parts, {
      run: ({ tags }, input) => {
        for (const key of texts(input, 'TagKeys')) tags.delete(key);
        return {};
      },
    }),
  };
}

function describe(secret: Secret): Input {
  return {
    ...{ ARN: secret.arn, Name: secret.name, Description: secret.description, KmsKeyId: secret.keyId },
    ...{ CreatedDate: secret.createdAt, LastChangedDate: secret.changedAt },
    ...{ LastAccessedDate: secret.accessedOn, DeletedDate: secret.deletion?.at },
    ...(secret.tags.size > 0 && { Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })) }),
  };
}

/** Deleting what does not exist succeeds if there is no recovery window. */
function deleteSecret({ secrets, clock }: Parts, input: Input): Input {
  const id = text(input, 'SecretId');
  const days = readWindow(input);
  const at = new Date(clock.now() + days * DAY_MS);
  if (days === 0) {
    const secret = secrets.find(id);
    if (secret) secrets.remove(secret);
    return { ARN: secret?.arn ?? id, Name: secret?.name ?? id, DeletionDate: at };
  }
  const secret = secrets.getActive(id);
  secret.deletion = { at, cancel: clock.after(days * DAY_MS, () => secrets.remove(secret)) };
  return { ARN: secret.arn, Name: secret.name, DeletionDate: at };
}

/** In days; 0 for a deletion at once. */
function readWindow(input: Input): number {
  const days = optionalInteger(input, 'RecoveryWindowInDays');
  if (optionalBoolean(input, 'ForceDeleteWithoutRecovery')) {
    if (days === undefined) return 0;
    throw invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  }
  const { shortest, longest } = WINDOW;
  if (days === undefined) return longest;
  if (days >= shortest && days <= longest) return days;
  throw invalid(`RecoveryWindowInDays is ${days}; allowed: ${shortest} to ${longest}.`);
}

function list(all: Secret[], input: Input): Input {
  refuse(input, ['Filters']);
  const by = optionalChoice(input, 'SortBy', [
    'created-date',
    'last-accessed-date',
    'last-changed-date',
    'name',
  ]);
  if (by !== undefined && by !== 'created-date') throw invalid(`SortBy ${by} is not implemented here.`);
  const withDeleted = optionalBoolean(input, 'IncludePlannedDeletion') ?? false;
  const found = all.filter(({ deletion }) => withDeleted || !deletion);
  if (optionalChoice(input, 'SortOrder', ['asc', 'desc']) === 'desc') found.reverse();
  const most = optionalInteger(input, 'MaxResults', { min: 1, max: LONGEST_PAGE }) ?? LONGEST_PAGE;
  const start = readPageStart(input);
  const page = found.slice(start, start + most);
  return {
    SecretList: page.map((secret) => ({
      ...describe(secret),
      SecretVersionsToStages: secret.labels.size > 0 ? versionsToLabels(secret.labels) : undefined,
    })),
    NextToken: start + most < found.length ? String(start + most) : undefined,
  };
}

function readPageStart(input: Input): number {
  const token = input['NextToken'];
  if (token === undefined || token === null) return 0;
  if (typeof token === 'string' && /^\d+$/.test(token)) return Number(token);
  throw new AwsError('InvalidNextTokenException', 'The NextToken value is invalid.');
}
