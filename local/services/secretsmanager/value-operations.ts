import { optionalText, text } from '../../front-door/read.ts';
import { AwsError, type Input, type KeyUse, type Operation } from '../../front-door/service.ts';
import { readKeyId } from './key-uses.ts';
import { CURRENT, labelsOf, moveLabel, PENDING, PREVIOUS } from './labels.ts';
import { conditionsOf, onSecret, type Parts, readTags, refuse } from './operation.ts';
import { drawPassword } from './random-password.ts';
import type { Secret } from './secrets.ts';
import {
  findVersion,
  getVersion,
  isSameValue,
  putVersion,
  readLabels,
  readToken,
  readValue,
  tokenInUse,
} from './versions.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The calls that write or read values, and those on the versions that have them. */
export function valueOperations(parts: Parts): Record<string, Operation> {
  return {
    CreateSecret: createSecret(parts),
    UpdateSecret: updateSecret(parts),
    PutSecretValue: putSecretValue(parts),
    GetSecretValue: getSecretValue(parts),
    UpdateSecretVersionStage: onSecret(parts, {
      run: (secret, input) => {
        moveVersionStage(secret, input);
        secret.changedAt = now(parts);
        return namesOf(secret);
      },
    }),
    GetRandomPassword: { run: (input) => ({ RandomPassword: drawPassword(input) }) },
  };
}

const now = ({ clock }: Parts): Date => new Date(clock.now());
const namesOf = ({ arn, name }: Secret): Input => ({ ARN: arn, Name: name });

function createSecret(parts: Parts): Operation {
  const { secrets, keys } = parts;
  return {
    resources: (input) => [secrets.newArn(input, text(input, 'Name'))],
    conditions: conditionsOf,
    keyUses: (input) => {
      const arn = secrets.newArn(input, text(input, 'Name'));
      const keyId = readKeyId(input);
      const written = readValue(input) ? keys.encryption(keyId, arn, readToken(input)) : [];
      return [...keys.validation(keyId, arn), ...written];
    },
    run: (input) => {
      refuse(input, ['AddReplicaRegions', 'ForceOverwriteReplicaSecret', 'Type']);
      const name = text(input, 'Name');
      const known = secrets.find(name);
      if (known) return createAgain(known, input);
      const [arn, keyId] = [secrets.newArn(input, name), readKeyId(input)];
      // For calls from inside, whose permissions nobody checks: the key must be usable all the same.
      keys.validation(keyId, arn);
      const id = readValue(input) && readToken(input);
      const description = optionalText(input, 'Description');
      const tags = readTags(input);
      const secret = secrets.add({ arn, name, createdAt: now(parts), description, keyId, tags });
      if (id !== undefined) write(parts, secret, input, [CURRENT]);
      return { ...namesOf(secret), VersionId: id };
    },
  };
}

/** A repeated request succeeds and changes nothing. */
function createAgain(known: Secret, input: Input): Input {
  if (known.deletion) {
    const message =
      "You can't create this secret because a secret with this name is already scheduled for deletion.";
    throw new AwsError('InvalidRequestException', message);
  }
  const version = known.versions.get(optionalText(input, 'ClientRequestToken') ?? '');
  if (version && isSameValue(version.value, readValue(input))) {
    return { ...namesOf(known), VersionId: version.id };
  }
  const message = `The operation failed because the secret ${known.name} already exists.`;
  throw new AwsError('ResourceExistsException', message);
}

function updateSecret(parts: Parts): Operation {
  const { keys } = parts;
  const changesKey = (input: Input) => input['KmsKeyId'] !== undefined && input['KmsKeyId'] !== null;
  const keyOf = (secret: Secret, input: Input) => (changesKey(input) ? readKeyId(input) : secret.keyId);
  return onSecret(parts, {
    keyUses: (secret, input) => {
      const { arn } = secret;
      const keyId = keyOf(secret, input);
      const written = readValue(input) ? keys.encryption(keyId, arn, readToken(input)) : [];
      const changed = changesKey(input)
        ? [...keys.validation(keyId, arn), ...keys.reencryption(keyId, arn)]
        : [];
      return [...changed, ...written];
    },
    run: (secret, input) => {
      refuse(input, ['Type']);
      const id = readValue(input) && readToken(input);
      if (id !== undefined && secret.versions.has(id)) throw tokenInUse(secret, id);
      const keyId = keyOf(secret, input);
      if (changesKey(input) || id !== undefined) keys.validation(keyId, secret.arn);
      if (changesKey(input)) changeKey(secret, keyId);
      if (typeof input['Description'] === 'string') secret.description = optionalText(input, 'Description');
      if (id !== undefined) write(parts, secret, input, [CURRENT]);
      secret.changedAt = now(parts);
      return { ...namesOf(secret), VersionId: id };
    },
  });
}

/** On AWS the versions can be decrypted with the old key too. Here they need the new one. */
function changeKey(secret: Secret, keyId: string | undefined): void {
  secret.keyId = keyId;
  for (const label of [CURRENT, PENDING, PREVIOUS]) {
    const version = secret.versions.get(secret.labels.get(label) ?? '');
    if (version) version.keyId = keyId;
  }
}

function putSecretValue(parts: Parts): Operation {
  const { keys } = parts;
  return onSecret(parts, {
    keyUses: ({ arn, keyId, versions }, input): KeyUse[] => {
      const id = readToken(input);
      const known = versions.get(id);
      // The value of a version that is there is compared.
      const compared = known ? keys.decryption(known.keyId, arn, id) : [];
      return [...keys.encryption(keyId, arn, id), ...compared];
    },
    run: (secret, input) => {
      refuse(input, ['RotationToken']);
      const id = write(parts, secret, input, readLabels(input, secret));
      return { ...namesOf(secret), VersionId: id, VersionStages: labelsOf(secret.labels, id) };
    },
  });
}

/** Adds a version with the value of the request. Returns its id. */
function write(parts: Parts, secret: Secret, input: Input, labels: readonly string[]): string {
  const value = readValue(input);
  const id = readToken(input);
  if (!value) {
    throw new AwsError('InvalidRequestException', 'You must provide either SecretString or SecretBinary.');
  }
  putVersion(secret, { id, value, createdAt: now(parts), keyId: secret.keyId }, labels);
  return id;
}

function getSecretValue(parts: Parts): Operation {
  return onSecret(parts, {
    keyUses: (secret, input) => {
      const version = findVersion(secret, input);
      return version ? parts.keys.decryption(version.keyId, secret.arn, version.id) : [];
    },
    run: (secret, input) => {
      const { id, value, createdAt } = getVersion(secret, input);
      secret.accessedOn = new Date(Math.floor(parts.clock.now() / DAY_MS) * DAY_MS);
      return {
        ...namesOf(secret),
        ...{ VersionId: id, VersionStages: labelsOf(secret.labels, id), CreatedDate: createdAt },
        ...('text' in value ? { SecretString: value.text } : { SecretBinary: value.base64 }),
      };
    },
  });
}

function moveVersionStage(secret: Secret, input: Input): void {
  const to = optionalText(input, 'MoveToVersionId');
  const from = optionalText(input, 'RemoveFromVersionId');
  if (to !== undefined) getVersion(secret, { VersionId: to });
  moveLabel(secret.labels, text(input, 'VersionStage'), { from, to });
}
