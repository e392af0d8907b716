import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { validationError } from '../errors.ts';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  mergeTagList,
  numberProperty,
  properties,
  tagChanges,
  tagListProperty,
  textProperty,
} from './properties.ts';

const generateSchema = properties({
  ExcludeCharacters: v.optional(textProperty),
  ExcludeLowercase: v.optional(booleanProperty),
  ExcludeNumbers: v.optional(booleanProperty),
  ExcludePunctuation: v.optional(booleanProperty),
  ExcludeUppercase: v.optional(booleanProperty),
  GenerateStringKey: v.optional(textProperty),
  IncludeSpace: v.optional(booleanProperty),
  PasswordLength: v.optional(numberProperty),
  RequireEachIncludedType: v.optional(booleanProperty),
  SecretStringTemplate: v.optional(textProperty),
});

const secretSchema = properties({
  Description: v.optional(textProperty),
  GenerateSecretString: v.optional(generateSchema),
  KmsKeyId: v.optional(textProperty),
  Name: v.optional(textProperty),
  SecretString: v.optional(textProperty),
  Tags: v.optional(tagListProperty),
});
type SecretProps = v.InferOutput<typeof secretSchema>;

const secret = resourceType<SecretProps>({
  type: 'AWS::SecretsManager::Secret',
  schema: secretSchema,
  createOnly: ['Name'],
  nameProperty: 'Name',
  taggable: true,
  attributes: ['Id'],
  async create(props, context) {
    const { Description, KmsKeyId, Name = await generatedName(context) } = props;
    const { ARN } = await context.call('secretsmanager', 'CreateSecret', {
      ...{ Name, Description, KmsKeyId, ...(await secretValue(props, context)) },
      Tags: mergeTagList(props.Tags, context),
    });
    return { physicalId: String(ARN), attributes: { Id: ARN } };
  },
  async update(resource, props, previous, context) {
    const SecretId = resource.physicalId;
    // A template that drops `Description` leaves it as it is, as on AWS. One that drops the key returns to AWS's own.
    const KmsKeyId = props.KmsKeyId ?? (previous.KmsKeyId === undefined ? undefined : '');
    await context.call('secretsmanager', 'UpdateSecret', {
      ...{ SecretId, Description: props.Description },
      ...(KmsKeyId !== previous.KmsKeyId && { KmsKeyId }),
      ...(changesValue(props, previous) && (await secretValue(props, context))),
    });
    const { list: Tags, dropped: TagKeys } = tagChanges(props.Tags, previous.Tags, context);
    if (TagKeys.length > 0) await context.call('secretsmanager', 'UntagResource', { SecretId, TagKeys });
    await context.call('secretsmanager', 'TagResource', { SecretId, Tags });
    return resource;
  },
  async delete({ physicalId: SecretId }, _props, { call }) {
    // CloudFormation leaves no recovery window, so that a stack can be created again.
    await call('secretsmanager', 'DeleteSecret', { SecretId, ForceDeleteWithoutRecovery: true });
  },
});

/**
 * `Logical-1a2b3C4d5E6f`: without the name of the stack, unlike other types. The CDK's `secretName` takes it from the ARN
 * as the part before the second hyphen.
 */
async function generatedName({ call, logicalId }: ResourceContext): Promise<string> {
  const suffix = { PasswordLength: 12, ExcludePunctuation: true };
  const { RandomPassword } = await call('secretsmanager', 'GetRandomPassword', suffix);
  return `${logicalId}-${RandomPassword}`;
}

function changesValue(props: SecretProps, previous: SecretProps): boolean {
  return (
    props.SecretString !== previous.SecretString ||
    !isDeepStrictEqual(props.GenerateSecretString, previous.GenerateSecretString)
  );
}

/** The value, and the id of the version that has it. Empty for a secret without a value. */
async function secretValue(
  { SecretString, GenerateSecretString }: SecretProps,
  { call }: ResourceContext,
): Promise<Record<string, string>> {
  const ClientRequestToken = randomUUID();
  if (!GenerateSecretString) return SecretString === undefined ? {} : { SecretString, ClientRequestToken };
  if (SecretString !== undefined) {
    throw validationError('A secret has SecretString or GenerateSecretString, not both.');
  }
  const { GenerateStringKey, SecretStringTemplate, ...password } = GenerateSecretString;
  const { RandomPassword } = await call('secretsmanager', 'GetRandomPassword', password);
  const generated = fillTemplate(SecretStringTemplate, GenerateStringKey, String(RandomPassword));
  return { SecretString: generated, ClientRequestToken };
}

const templateSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.check((value) => !Array.isArray(value)),
  v.record(v.string(), v.unknown()),
);

/** Adds the password to a JSON object; without a template it is the whole value. */
function fillTemplate(template: string | undefined, key: string | undefined, password: string): string {
  if (template === undefined && key === undefined) return password;
  if (template === undefined || key === undefined) {
    throw validationError('SecretStringTemplate and GenerateStringKey need each other.');
  }
  const parsed = v.safeParse(templateSchema, template);
  if (!parsed.success) throw validationError('SecretStringTemplate is not a JSON object.');
  return JSON.stringify({ ...parsed.output, [key]: password });
}

export const secretsManagerTypes: ResourceType[] = [secret];
