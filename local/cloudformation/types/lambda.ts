import { isDeepStrictEqual } from 'node:util';
import { strToU8, zipSync } from 'fflate';
import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  fallbacks,
  ignoring,
  number,
  properties,
  tagChanges,
  tagList,
  tagsOf,
  text,
  texts,
} from './properties.ts';

const GONE = ['ResourceNotFoundException'];

const functionSchema = properties({
  Architectures: v.optional(texts),
  Code: properties({
    S3Bucket: v.optional(text),
    S3Key: v.optional(text),
    ZipFile: v.optional(text),
  }),
  Description: v.optional(text),
  Environment: v.optional(properties({ Variables: v.record(v.string(), text) })),
  EphemeralStorage: v.optional(properties({ Size: number })),
  FunctionName: v.optional(text),
  Handler: text,
  LoggingConfig: v.optional(
    properties({
      ApplicationLogLevel: v.optional(text),
      LogFormat: v.optional(text),
      LogGroup: v.optional(text),
      SystemLogLevel: v.optional(text),
    }),
  ),
  MemorySize: v.optional(number),
  PackageType: v.optional(text),
  Role: text,
  Runtime: text,
  Tags: v.optional(tagList),
  Timeout: v.optional(number),
  TracingConfig: v.optional(properties({ Mode: text })),
});
type FunctionProps = v.InferOutput<typeof functionSchema>;

function configuration(props: FunctionProps) {
  const { Code: _code, FunctionName: _name, Tags: _tags, ...rest } = props;
  const { Architectures: _architectures, PackageType: _type, ...configurable } = rest;
  return configurable;
}

const DEFAULTS: Record<string, unknown> = {
  Description: '',
  Environment: { Variables: {} },
  EphemeralStorage: { Size: 512 },
  LoggingConfig: { LogFormat: 'Text' },
  MemorySize: 128,
  Timeout: 3,
  TracingConfig: { Mode: 'PassThrough' },
};

/** Inline source becomes a file `index` with the runtime's extension ("AWS::Lambda::Function Code"). */
function codeOf({ Code, Runtime }: FunctionProps): Record<string, unknown> {
  const { ZipFile: source, ...place } = Code;
  if (source === undefined) return place;
  const name = Runtime.startsWith('python') ? 'index.py' : 'index.js';
  return { ZipFile: zipSync({ [name]: strToU8(source) }) };
}

async function retag(
  Resource: unknown,
  props: FunctionProps,
  previous: FunctionProps,
  context: ResourceContext,
) {
  const { wanted: Tags, dropped: TagKeys } = tagChanges(props.Tags, previous.Tags, context);
  if (isDeepStrictEqual(Tags, tagsOf(previous.Tags, context)) && TagKeys.length === 0) return;
  if (TagKeys.length > 0) await context.call('lambda', 'UntagResource', { Resource, TagKeys });
  await context.call('lambda', 'TagResource', { Resource, Tags });
}

const lambdaFunction = resourceType<FunctionProps>({
  type: 'AWS::Lambda::Function',
  schema: functionSchema,
  createOnly: ['FunctionName', 'PackageType'],
  nameProperty: 'FunctionName',
  attributes: ['Arn'],
  async create(props, context) {
    const FunctionName = props.FunctionName ?? context.generatedName(64);
    const { FunctionArn } = await context.call('lambda', 'CreateFunction', {
      ...{ FunctionName, ...configuration(props), Code: codeOf(props) },
      Architectures: props.Architectures,
      PackageType: props.PackageType,
      Tags: tagsOf(props.Tags, context),
    });
    context.exists(FunctionName);
    return { physicalId: FunctionName, attributes: { Arn: FunctionArn } };
  },
  async update(resource, props, previous, context) {
    const FunctionName = resource.physicalId;
    const sameCode = isDeepStrictEqual(codeOf(props), codeOf(previous));
    if (!sameCode || !isDeepStrictEqual(props.Architectures, previous.Architectures)) {
      const { Architectures } = props;
      await context.call('lambda', 'UpdateFunctionCode', { FunctionName, Architectures, ...codeOf(props) });
    }
    const changes = { ...fallbacks(DEFAULTS, props, previous), ...configuration(props) };
    await context.call('lambda', 'UpdateFunctionConfiguration', { FunctionName, ...changes });
    await retag(resource.attributes['Arn'], props, previous, context);
    return resource;
  },
  async delete({ physicalId: FunctionName }, _props, { call }) {
    await ignoring(GONE, () => call('lambda', 'DeleteFunction', { FunctionName }));
  },
});

const permissionSchema = properties({
  Action: text,
  EventSourceToken: v.optional(text),
  FunctionName: text,
  FunctionUrlAuthType: v.optional(text),
  Principal: text,
  PrincipalOrgID: v.optional(text),
  SourceAccount: v.optional(text),
  SourceArn: v.optional(text),
});

const permission = resourceType<v.InferOutput<typeof permissionSchema>>({
  type: 'AWS::Lambda::Permission',
  schema: permissionSchema,
  createOnly: [],
  attributes: ['Id'],
  async create(props, { call, generatedName }) {
    const StatementId = generatedName(100);
    await call('lambda', 'AddPermission', { ...props, StatementId });
    return { physicalId: StatementId, attributes: { Id: StatementId } };
  },
  async delete({ physicalId: StatementId }, { FunctionName }, { call }) {
    await ignoring(GONE, () => call('lambda', 'RemovePermission', { FunctionName, StatementId }));
  },
});

const destination = v.optional(properties({ Destination: text }));
const invokeSchema = properties({
  DestinationConfig: v.optional(properties({ OnFailure: destination, OnSuccess: destination })),
  FunctionName: text,
  MaximumEventAgeInSeconds: v.optional(number),
  MaximumRetryAttempts: v.optional(number),
  Qualifier: text,
});

const invokeConfig = resourceType<v.InferOutput<typeof invokeSchema>>({
  type: 'AWS::Lambda::EventInvokeConfig',
  schema: invokeSchema,
  createOnly: ['FunctionName', 'Qualifier'],
  attributes: [],
  async create(props, { call, generatedName }) {
    await call('lambda', 'PutFunctionEventInvokeConfig', props);
    return { physicalId: generatedName(), attributes: {} };
  },
  async update(resource, props, _previous, { call }) {
    await call('lambda', 'PutFunctionEventInvokeConfig', props);
    return resource;
  },
  async delete(_resource, { FunctionName, Qualifier }, { call }) {
    const config = { FunctionName, Qualifier };
    await ignoring(GONE, () => call('lambda', 'DeleteFunctionEventInvokeConfig', config));
  },
});

export const lambdaTypes: ResourceType[] = [lambdaFunction, permission, invokeConfig];
