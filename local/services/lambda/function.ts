import { createHash, randomUUID } from 'node:crypto';
import { unzipSync } from 'fflate';
import {
  optionalInteger,
  optionalStructure,
  optionalText,
  text,
  textMap,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input } from '../../front-door/service.ts';

/** One Lambda function, `$LATEST`; versions and aliases are not implemented here. */
export interface LambdaFunction {
  name: string;
  arn: string;
  configuration: Configuration;
  code: Code;
  architectures: string[];
  modifiedAt: Date;
  revision: string;
  tags: Record<string, string>;
  policy: Map<string, Record<string, unknown>>;
  eventInvoke: EventInvokeConfig | undefined;
}

export interface Configuration {
  handler: string;
  runtime: string;
  roleArn: string;
  description: string;
  timeoutSeconds: number;
  memoryMb: number;
  environment: Record<string, string>;
  /** Members without effect here, shown as they were given. */
  shown: Input;
}

export interface Code {
  zip: Uint8Array;
  sha256: string;
}

export interface EventInvokeConfig {
  maximumRetryAttempts: number;
  maximumEventAgeSeconds: number;
  modifiedAt: Date;
}

const SHOWN = ['EphemeralStorage', 'LoggingConfig', 'TracingConfig', 'VpcConfig'] as const;

export function newFunction(context: CloudContext, input: Input, code: Code): LambdaFunction {
  const name = text(input, 'FunctionName');
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name)) {
    throw new AwsError('InvalidParameterValueException', `FunctionName '${name}' is not valid.`);
  }
  if ((optionalText(input, 'PackageType') ?? 'Zip') !== 'Zip') {
    throw new AwsError('InvalidParameterValueException', 'PackageType Image is not implemented here.');
  }
  return {
    name,
    arn: `arn:aws:lambda:${context.region}:${context.accountId}:function:${name}`,
    configuration: readConfiguration(input, undefined),
    code,
    architectures: architecturesOf(input) ?? ['x86_64'],
    modifiedAt: new Date(context.clock.now()),
    revision: randomUUID(),
    tags: textMap(input, 'Tags'),
    policy: new Map(),
    eventInvoke: undefined,
  };
}

/** Checked and not used: the function runs on this machine, whatever its processor. */
export function architecturesOf(input: Input): string[] | undefined {
  const given = texts(input, 'Architectures');
  return given.length > 0 ? given : undefined;
}

/** Settings that are not given stay. */
export function readConfiguration(input: Input, before: Configuration | undefined): Configuration {
  const environment = optionalStructure(input, 'Environment');
  const runtime = optionalText(input, 'Runtime') ?? before?.runtime ?? text(input, 'Runtime');
  if (!runtime.startsWith('nodejs')) {
    throw new AwsError('InvalidParameterValueException', `Runtime ${runtime} is not implemented here.`);
  }
  if (optionalText(optionalStructure(input, 'DeadLetterConfig') ?? {}, 'TargetArn')) {
    throw new AwsError('InvalidParameterValueException', 'DeadLetterConfig is not implemented here.');
  }
  const given = Object.entries(input).filter(([key]) => SHOWN.some((name) => name === key));
  return {
    handler: optionalText(input, 'Handler') ?? before?.handler ?? text(input, 'Handler'),
    runtime,
    roleArn: optionalText(input, 'Role') ?? before?.roleArn ?? text(input, 'Role'),
    description: optionalText(input, 'Description') ?? before?.description ?? '',
    timeoutSeconds: optionalInteger(input, 'Timeout', { min: 1, max: 900 }) ?? before?.timeoutSeconds ?? 3,
    memoryMb: optionalInteger(input, 'MemorySize', { min: 128, max: 10_240 }) ?? before?.memoryMb ?? 128,
    environment: environment ? textMap(environment, 'Variables') : (before?.environment ?? {}),
    shown: { ...before?.shown, ...Object.fromEntries(given) },
  };
}

/** The deployment package, from the call or from an object in S3. */
export async function readCode(context: CloudContext, input: Input): Promise<Code> {
  const zip = inlineZip(input['ZipFile']) ?? (await zipFromS3(context, input));
  refuseUnlessZip(zip);
  return { zip, sha256: createHash('sha256').update(zip).digest('base64') };
}

function refuseUnlessZip(zip: Uint8Array): void {
  try {
    unzipSync(zip);
  } catch {
    throw new AwsError(
      'InvalidParameterValueException',
      'Could not unzip uploaded file. Please check your file, then try to upload again.',
    );
  }
}

function inlineZip(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' && value !== '' ? Buffer.from(value, 'base64') : undefined;
}

async function zipFromS3({ call }: CloudContext, input: Input): Promise<Uint8Array> {
  const [Bucket, Key] = [text(input, 'S3Bucket'), text(input, 'S3Key')];
  try {
    const { Body } = await call('s3', 'GetObject', { Bucket, Key });
    if (Body instanceof Uint8Array) return Body;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'InvalidParameterValueException',
      `Error occurred while GetObject. S3 Error Code: ${error.code}. S3 Error Message: ${error.message}`,
    );
  }
  throw new AwsError('InvalidParameterValueException', `s3://${Bucket}/${Key} has no body.`);
}

export function describeFunction(one: LambdaFunction) {
  const { configuration } = one;
  return {
    FunctionName: one.name,
    FunctionArn: one.arn,
    Runtime: configuration.runtime,
    Role: configuration.roleArn,
    Handler: configuration.handler,
    CodeSize: one.code.zip.length,
    CodeSha256: one.code.sha256,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    // Lambda's answers have times as text, unlike other JSON ones.
    LastModified: one.modifiedAt.toISOString().replace('Z', '+0000'),
    Version: '$LATEST',
    Environment: { Variables: configuration.environment },
    RevisionId: one.revision,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: one.architectures,
    TracingConfig: { Mode: 'PassThrough' },
    ...configuration.shown,
  };
}
