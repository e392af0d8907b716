import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  documentProperty,
  ignoreErrors,
  mergeTags,
  numberProperty,
  policyText,
  properties,
  tagChanges,
  tagListProperty,
  textProperty,
} from './properties.ts';

const keySchema = properties({
  Description: v.optional(textProperty, ''),
  EnableKeyRotation: v.optional(booleanProperty, false),
  KeyPolicy: v.optional(documentProperty),
  PendingWindowInDays: v.optional(numberProperty),
  RotationPeriodInDays: v.optional(numberProperty),
  Tags: v.optional(tagListProperty),
});
type KeyProps = v.InferOutput<typeof keySchema>;

const key = resourceType<KeyProps>({
  type: 'AWS::KMS::Key',
  schema: keySchema,
  createOnly: [],
  taggable: true,
  attributes: ['Arn', 'KeyId'],
  async create(props, context) {
    const { KeyMetadata } = await context.call('kms', 'CreateKey', {
      Description: props.Description,
      Policy: props.KeyPolicy && policyText(props.KeyPolicy),
      Tags: kmsTags(mergeTags(props.Tags, context)),
    });
    const { KeyId, Arn } = KeyMetadata as Record<'KeyId' | 'Arn', string>;
    context.reportCreated(KeyId);
    await rotate(KeyId, props, context);
    return { physicalId: KeyId, attributes: { Arn, KeyId } };
  },
  async update(resource, props, previous, context) {
    const { physicalId: KeyId } = resource;
    const { KeyPolicy, Description } = props;
    if (KeyPolicy) await context.call('kms', 'PutKeyPolicy', { KeyId, Policy: policyText(KeyPolicy) });
    await context.call('kms', 'UpdateKeyDescription', { KeyId, Description });
    await rotate(KeyId, props, context);
    const { wanted, dropped: TagKeys } = tagChanges(props.Tags, previous.Tags, context);
    if (TagKeys.length > 0) await context.call('kms', 'UntagResource', { KeyId, TagKeys });
    await context.call('kms', 'TagResource', { KeyId, Tags: kmsTags(wanted) });
    return resource;
  },
  async delete({ physicalId: KeyId }, { PendingWindowInDays }, { call }) {
    await ignoreErrors(['NotFoundException'], () =>
      call('kms', 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays }),
    );
  },
});

async function rotate(KeyId: string, { EnableKeyRotation }: KeyProps, { call }: ResourceContext) {
  await call('kms', EnableKeyRotation ? 'EnableKeyRotation' : 'DisableKeyRotation', { KeyId });
}

const kmsTags = (tags: Record<string, string>) =>
  Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));

const aliasSchema = properties({ AliasName: textProperty, TargetKeyId: textProperty });

const alias = resourceType<v.InferOutput<typeof aliasSchema>>({
  type: 'AWS::KMS::Alias',
  schema: aliasSchema,
  createOnly: ['AliasName'],
  nameProperty: 'AliasName',
  attributes: [],
  async create(props, { call }) {
    await call('kms', 'CreateAlias', props);
    return { physicalId: props.AliasName, attributes: {} };
  },
  async update(resource, props, _previous, { call }) {
    await call('kms', 'UpdateAlias', props);
    return resource;
  },
  async delete({ physicalId: AliasName }, _props, { call }) {
    await ignoreErrors(['NotFoundException'], () => call('kms', 'DeleteAlias', { AliasName }));
  },
});

export const kmsTypes: ResourceType[] = [key, alias];
