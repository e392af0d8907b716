import type { PolicyDocument } from '../../front-door/policy.ts';
import {
  isStructure,
  optionalInteger,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import {
  AwsError,
  type CloudContext,
  type Input,
  type Operation,
  type RunningService,
} from '../../front-door/service.ts';
import { type Key, Keys } from './keys.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** KMS as far as stores with customer managed keys need it: keys, aliases, policies. */
export function createKms(context: CloudContext): { running: RunningService; keys: Keys } {
  const keys = new Keys(context.region, context.accountId);
  const now = () => new Date(context.clock.now());
  const onKey = (run: (key: Key, input: Input) => Input | undefined): Operation => ({
    resources: (input) => [keys.arnOf(text(input, 'KeyId'))],
    run: (input) => run(keys.get(text(input, 'KeyId')), input) ?? {},
  });
  const operations: Record<string, Operation> = {
    CreateKey: {
      run: (input) => {
        refuseOtherKinds(input);
        const policy = readPolicy(input['Policy'] ?? defaultPolicy(context.accountId));
        const description = optionalText(input, 'Description') ?? '';
        const key = keys.create({ description, policy, createdAt: now(), tags: tagsOf(input) });
        return { KeyMetadata: metadataOf(key, context.accountId) };
      },
    },
    DescribeKey: onKey((key) => ({ KeyMetadata: metadataOf(key, context.accountId) })),
    PutKeyPolicy: onKey((key, input) => {
      key.policy = readPolicy(input['Policy']);
      return {};
    }),
    UpdateKeyDescription: onKey((key, input) => {
      key.description = optionalText(input, 'Description') ?? '';
      return {};
    }),
    EnableKeyRotation: onKey((key) => {
      key.rotates = true;
      return {};
    }),
    DisableKeyRotation: onKey((key) => {
      key.rotates = false;
      return {};
    }),
    GetKeyRotationStatus: onKey(({ rotates }) => ({ KeyRotationEnabled: rotates })),
    ScheduleKeyDeletion: onKey((key, input) => {
      const days = optionalInteger(input, 'PendingWindowInDays', { min: 7, max: 30 }) ?? 30;
      key.deletionAt = new Date(context.clock.now() + days * DAY_MS);
      return { KeyId: key.arn, DeletionDate: key.deletionAt, KeyState: 'PendingDeletion' };
    }),
    TagResource: onKey(({ tags }, input) => {
      for (const [name, value] of tagsOf(input)) tags.set(name, value);
      return {};
    }),
    UntagResource: onKey(({ tags }, input) => {
      for (const name of texts(input, 'TagKeys')) tags.delete(name);
      return {};
    }),
    ...aliasOperations(keys),
  };
  return { running: { service: { name: 'kms', operations }, close: async () => {} }, keys };
}

function aliasOperations(keys: Keys): Record<string, Operation> {
  const onAlias = (run: (name: string, input: Input) => void): Operation => ({
    resources: (input) => [keys.arnOf(text(input, 'AliasName'))],
    run: (input) => {
      const name = text(input, 'AliasName');
      if (!/^alias\/(?!aws\/)[\w/-]+$/.test(name)) {
        throw new AwsError('InvalidAliasNameException', `Alias ${name} is not valid.`);
      }
      run(name, input);
      return {};
    },
  });
  const target = (input: Input) => keys.get(text(input, 'TargetKeyId'));
  return {
    CreateAlias: onAlias((name, input) => keys.setAlias(name, target(input), { isNew: true })),
    UpdateAlias: onAlias((name, input) => keys.setAlias(name, target(input), { isNew: false })),
    DeleteAlias: onAlias((name) => keys.removeAlias(name)),
  };
}

/** "CreateKey": refuses everything but symmetric keys of this account and region. */
function refuseOtherKinds(input: Input): void {
  const others: Record<string, string> = {
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: 'false',
    Origin: 'AWS_KMS',
  };
  for (const [key, only] of Object.entries(others)) {
    const given = optionalText(input, key) ?? only;
    if (given === only) continue;
    throw new AwsError(
      'UnsupportedOperationException',
      `${key} ${given} is not implemented here, only ${only}.`,
    );
  }
}

/** "Default key policy": the account's identity-based policies decide. */
const defaultPolicy = (accountId: string): PolicyDocument => ({
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: 'kms:*',
    Resource: '*',
  },
});

function readPolicy(given: unknown): PolicyDocument {
  try {
    const policy: unknown = typeof given === 'string' ? JSON.parse(given) : given;
    if (isStructure(policy) && policy['Statement']) return policy as unknown as PolicyDocument;
  } catch {
    // Not JSON: refused below.
  }
  throw new AwsError('MalformedPolicyDocumentException', 'The key policy is not valid.');
}

const tagsOf = (input: Input): Map<string, string> =>
  new Map(structures(input, 'Tags').map((tag) => [text(tag, 'TagKey'), optionalText(tag, 'TagValue') ?? '']));

function metadataOf({ id, arn, description, createdAt, deletionAt }: Key, AWSAccountId: string): Input {
  return {
    ...{ AWSAccountId, KeyId: id, Arn: arn, CreationDate: createdAt, Description: description },
    ...{
      Enabled: !deletionAt,
      KeyState: deletionAt ? 'PendingDeletion' : 'Enabled',
      DeletionDate: deletionAt,
    },
    ...{
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyManager: 'CUSTOMER',
      Origin: 'AWS_KMS',
    },
    MultiRegion: false,
  };
}
