import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import {
  ignoreErrors,
  mergeTagList,
  properties,
  tagChanges,
  tagMapProperty,
  textProperty,
} from './properties.ts';

const schema = properties({
  DataType: v.optional(textProperty),
  Description: v.optional(textProperty),
  Name: v.optional(textProperty),
  Tags: v.optional(tagMapProperty),
  Type: v.picklist(['String', 'StringList']),
  Value: textProperty,
});

const parameter = resourceType<v.InferOutput<typeof schema>>({
  type: 'AWS::SSM::Parameter',
  schema,
  createOnly: ['Name'],
  nameProperty: 'Name',
  taggable: true,
  attributes: ['Type', 'Value'],
  volatileAttributes: ['Type', 'Value'],
  async create(props, context) {
    const { Name = context.generatedName(), Tags, ...rest } = props;
    await context.call('ssm', 'PutParameter', { Name, ...rest, Tags: mergeTagList(Tags, context) });
    return { physicalId: Name, attributes: { Type: props.Type, Value: props.Value } };
  },
  async update({ physicalId }, { Tags, ...rest }, previous, context) {
    await context.call('ssm', 'PutParameter', { ...rest, Name: physicalId, Overwrite: true });
    const { list, dropped: TagKeys } = tagChanges(Tags, previous.Tags, context);
    const it = { ResourceType: 'Parameter', ResourceId: physicalId };
    if (TagKeys.length > 0) await context.call('ssm', 'RemoveTagsFromResource', { ...it, TagKeys });
    await context.call('ssm', 'AddTagsToResource', { ...it, Tags: list });
    return { physicalId, attributes: { Type: rest.Type, Value: rest.Value } };
  },
  async delete({ physicalId }, _props, { call }) {
    await ignoreErrors(['ParameterNotFound'], () => call('ssm', 'DeleteParameter', { Name: physicalId }));
  },
});

export const ssmTypes: ResourceType[] = [parameter];
