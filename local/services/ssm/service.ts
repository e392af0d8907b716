import {
  optionalBoolean,
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
import { BOOTSTRAP_VERSION, bootstrapNames } from '../bootstrap.ts';
import { type Keys, withErrorCode } from '../kms/keys.ts';
import { describeParameter, publicParameter, type SsmParameter } from './parameters.ts';

/**
 * SSM's Parameter Store. Values of `SecureString` are stored unencrypted, as they stay on this machine. They are
 * returned decrypted to callers with permission for their key.
 */
export function createSsm(context: CloudContext, keys: Keys): RunningService {
  const parameters = new Map<string, SsmParameter>();
  const arnOf = (name: string) =>
    `arn:aws:ssm:${context.region}:${context.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
  const find = (nameOrArn: string): SsmParameter | undefined => {
    // A version or label may follow after a colon.
    const name = nameOrArn.replace(/^arn:.*?:parameter(?=\/)/, '').replace(/:[^:/]+$/, '');
    return (
      parameters.get(name) ??
      parameters.get(name.replace(/^\//, '')) ??
      publicParameter(name, context.clock.now())
    );
  };
  const get = (name: string): SsmParameter => {
    const parameter = find(name);
    if (parameter) return parameter;
    throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
  };
  const describe = (input: Input) => (parameter: SsmParameter) =>
    describeParameter(parameter, arnOf(parameter.name), optionalBoolean(input, 'WithDecryption') ?? false);
  const put = (input: Input) => putParameter(parameters, input, new Date(context.clock.now()));
  const { parameter: version } = bootstrapNames(context.accountId, context.region);
  put({ Name: version, Type: 'String', Value: BOOTSTRAP_VERSION });
  get(version).isStandIn = true;

  /** "AWS KMS encryption for Parameter Store SecureString parameters": with the permissions of the caller. */
  const keyUse = (action: string, name: string, keyId: string | undefined) =>
    withErrorCode('InvalidKeyId', () =>
      keys.use(keyId, {
        actions: [action],
        conditions: { 'kms:EncryptionContext:PARAMETER_ARN': arnOf(name) },
      }),
    );
  const decryptions = (input: Input, found: (SsmParameter | undefined)[]) =>
    optionalBoolean(input, 'WithDecryption')
      ? found.flatMap((parameter) =>
          parameter ? keyUse('kms:Decrypt', parameter.name, parameter.keyId) : [],
        )
      : [];
  const one = (run: Operation['run']): Operation => ({
    resources: (input) => [arnOf(text(input, 'Name'))],
    run,
  });
  const many = (run: Operation['run']): Operation => ({
    resources: (input) => texts(input, 'Names').map(arnOf),
    run,
  });
  const operations: Record<string, Operation> = {
    PutParameter: {
      ...one(put),
      keyUses: (input) => {
        const name = text(input, 'Name');
        const type = optionalText(input, 'Type') ?? parameters.get(name)?.type;
        return type === 'SecureString' ? keyUse('kms:Encrypt', name, optionalText(input, 'KeyId')) : [];
      },
    },
    GetParameter: {
      ...one((input) => ({ Parameter: describe(input)(get(text(input, 'Name'))) })),
      keyUses: (input) => decryptions(input, [find(text(input, 'Name'))]),
    },
    GetParameters: {
      ...many((input) => {
        const names = texts(input, 'Names');
        const found = names.flatMap((name) => find(name) ?? []);
        return {
          Parameters: found.map(describe(input)),
          InvalidParameters: names.filter((name) => !find(name)),
        };
      }),
      keyUses: (input) => decryptions(input, texts(input, 'Names').map(find)),
    },
    GetParametersByPath: {
      resources: (input) => [arnOf(text(input, 'Path'))],
      keyUses: (input) => decryptions(input, byPath(parameters, input).page),
      run: (input) => {
        const { page, nextToken } = byPath(parameters, input);
        return { Parameters: page.map(describe(input)), NextToken: nextToken };
      },
    },
    DeleteParameter: one((input) => {
      const { name } = get(text(input, 'Name'));
      parameters.delete(name);
      return {};
    }),
    DeleteParameters: many((input) => {
      const names = texts(input, 'Names');
      const deleted = names.filter((name) => parameters.delete(name));
      return {
        DeletedParameters: deleted,
        InvalidParameters: names.filter((name) => !deleted.includes(name)),
      };
    }),
    ...tagOperations(get, arnOf),
  };
  return { service: { name: 'ssm', operations }, close: async () => {} };
}

/** "Managing parameter tiers". */
const LONGEST_STANDARD_VALUE = 4096;

function putParameter(parameters: Map<string, SsmParameter>, input: Input, modifiedAt: Date): Input {
  refuseWhatIsMissing(input);
  const name = text(input, 'Name');
  const known = parameters.get(name);
  const previous = known?.isStandIn ? undefined : known;
  if (previous && !optionalBoolean(input, 'Overwrite')) {
    const message =
      'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.';
    throw new AwsError('ParameterAlreadyExists', message);
  }
  if (Buffer.byteLength(text(input, 'Value')) > LONGEST_STANDARD_VALUE) {
    const message = `Standard tier parameters support a maximum parameter value of ${LONGEST_STANDARD_VALUE} characters.`;
    throw new AwsError('ValidationException', message);
  }
  const description = optionalText(input, 'Description') ?? previous?.description;
  const type = optionalText(input, 'Type') ?? previous?.type ?? 'String';
  const keyId = readKeyId(input, type);
  const tags = structures(input, 'Tags').map((tag): [string, string] => [
    text(tag, 'Key'),
    String(tag['Value']),
  ]);
  const version = (previous?.version ?? 0) + 1;
  parameters.set(name, {
    name,
    type,
    value: text(input, 'Value'),
    version,
    modifiedAt,
    ...(description ? { description } : {}),
    ...(keyId !== undefined && { keyId }),
    tags: previous?.tags ?? new Map(tags),
  });
  return { Version: version, Tier: 'Standard' };
}

function refuseWhatIsMissing(input: Input): void {
  const missing = ['AllowedPattern', 'Policies'].find((key) => optionalText(input, key) !== undefined);
  const tier = optionalText(input, 'Tier') ?? 'Standard';
  const what = missing ?? (tier === 'Standard' ? undefined : `Tier ${tier}`);
  if (what === undefined) return;
  throw new AwsError('ValidationException', `${what} of a parameter is not implemented here.`);
}

/** A `SecureString` that is overwritten without a key returns to AWS's own key ("PutParameter"). */
function readKeyId(input: Input, type: string): string | undefined {
  const keyId = optionalText(input, 'KeyId');
  if (keyId === undefined || type === 'SecureString') return keyId;
  throw new AwsError('ValidationException', 'KeyId is only valid for parameters of the type SecureString.');
}

/** "GetParametersByPath": the maximum of MaxResults. */
const LONGEST_PAGE = 10;

function byPath(
  parameters: Map<string, SsmParameter>,
  input: Input,
): { page: SsmParameter[]; nextToken?: string } {
  const given = text(input, 'Path');
  if (!given.startsWith('/')) {
    throw new AwsError('ValidationException', 'The parameter path must begin with a forward slash "/".');
  }
  const path = `${given.replace(/\/$/, '')}/`;
  const recursive = optionalBoolean(input, 'Recursive');
  const found = [...parameters.values()].filter(
    ({ name }) => name.startsWith(path) && (recursive || !name.slice(path.length).includes('/')),
  );
  const most = optionalInteger(input, 'MaxResults') ?? LONGEST_PAGE;
  if (most < 1 || most > LONGEST_PAGE) {
    throw new AwsError('ValidationException', `MaxResults is ${most}; allowed: 1 to ${LONGEST_PAGE}.`);
  }
  const start = optionalInteger(input, 'NextToken') ?? 0;
  const page = found.slice(start, start + most);
  return start + most < found.length ? { page, nextToken: String(start + most) } : { page };
}

function tagOperations(
  get: (name: string) => SsmParameter,
  arnOf: (name: string) => string,
): Record<string, Operation> {
  const onTags = (run: (parameter: SsmParameter, input: Input) => Input): Operation => ({
    resources: (input) => [arnOf(text(input, 'ResourceId'))],
    run: (input) => run(get(text(input, 'ResourceId')), input),
  });
  return {
    AddTagsToResource: onTags(({ tags }, input) => {
      for (const tag of structures(input, 'Tags')) tags.set(text(tag, 'Key'), String(tag['Value'] ?? ''));
      return {};
    }),
    RemoveTagsFromResource: onTags(({ tags }, input) => {
      for (const key of texts(input, 'TagKeys')) tags.delete(key);
      return {};
    }),
    ListTagsForResource: onTags(({ tags }) => ({
      TagList: [...tags].map(([Key, Value]) => ({ Key, Value })),
    })),
  };
}
