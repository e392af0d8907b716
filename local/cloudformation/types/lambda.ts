import { isDeepStrictEqual } from 'node:util';
import { strToU8, zipSync } from 'fflate';
import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  droppedDefaults,
  ignoreErrors,
  mergeTags,
  numberProperty,
  properties,
  tagChanges,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const GONE = ['ResourceNotFoundException'];

const functionSchema = properties({
  Architectures: v.optional(textListProperty),
  Code: properties({
    S3Bucket: v.optional(textProperty),
    S3Key: v.optional(textProperty),
    ZipFile: v.optional(textProperty),
  }),
  Description: v.optional(textProperty),
  Environment: v.optional(properties({ Variables: v.record(v.string(), textProperty) })),
  EphemeralStorage: v.optional(properties({ Size: numberProperty })),
  FunctionName: v.optional(textProperty),
  Handler: textProperty,
  LoggingConfig: v.optional(
    properties({
      ApplicationLogLevel: v.optional(textProperty),
      LogFormat: v.optional(textProperty),
      LogGroup: v.optional(textProperty),
      SystemLogLevel: v.optional(textProperty),
    }),
  ),
  MemorySize: v.optional(numberProperty),
  PackageType: v.optional(textProperty),
  Role: textProperty,
  Runtime: textProperty,
  Tags: v.optional(tagListProperty),
  Timeout: v.optional(numberProperty),
  TracingConfig: v.optional(properties({ Mode: textProperty })),
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
  if (isDeepStrictEqual(Tags, mergeTags(previous.Tags, context)) && TagKeys.length === 0) return;
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
      Tags: mergeTags(props.Tags, context),
    });
    context.reportCreated(FunctionName);
    return { physicalId: FunctionName, attributes: { Arn: FunctionArn } };
  },
  async update(resource, props, previous, context) {
    const FunctionName = resource.physicalId;
    const sameCode = isDeepStrictEqual(codeOf(props), codeOf(previous));
    if (!sameCode || !isDeepStrictEqual(props.Architectures, previous.Architectures)) {
      const { Architectures } = props;
      await context.call('lambda', 'UpdateFunctionCode', { FunctionName, Architectures, ...codeOf(props) });
    }
    const changes = { ...droppedDefaults(DEFAULTS, props, previous), ...configuration(props) };
    await context.call('lambda', 'UpdateFunctionConfiguration', { FunctionName, ...changes });
    await retag(resource.attributes['Arn'], props, previous, context);
    return resource;
  },
  async delete({ physicalId: FunctionName }, _props, { call }) {
    await ignoreErrors(GONE, () => call('lambda', 'DeleteFunction', { FunctionName }));
  },
});

const permissionSchema = properties({
  Action: textProperty,
  EventSourceToken: v.optional(textProperty),
  FunctionName: textProperty,
  FunctionUrlAuthType: v.optional(textProperty),
  Principal: textProperty,
  PrincipalOrgID: v.optional(textProperty),
  SourceAccount: v.optional(textProperty),
  SourceArn: v.optional(textProperty),
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
    await ignoreErrors(GONE, () => call('lambda', 'RemovePermission', { FunctionName, StatementId }));
  },
});

const destination = v.optional(properties({ Destination: textProperty }));
const invokeSchema = properties({
  DestinationConfig: v.optional(properties({ OnFailure: destination, OnSuccess: destination })),
  FunctionName: textProperty,
  MaximumEventAgeInSeconds: v.optional(numberProperty),
  MaximumRetryAttempts: v.optional(numberProperty),
  Qualifier: textProperty,
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
    await ignoreErrors(GONE, () => call('lambda', 'DeleteFunctionEventInvokeConfig', config));
  },
});

export const lambdaTypes: ResourceType[] = [lambdaFunction, permission, invokeConfig];
