import { optionalText, structures, text, texts } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { createResolutionSource, type StackAccount } from '../engine/account.ts';
import { createScope, resolveConditions } from '../engine/evaluate.ts';
import { dependencyGraph } from '../engine/graph.ts';
import type { Stack, Tag, Target } from '../engine/stack.ts';
import { validationError } from '../errors.ts';
import { checkTemplate } from '../template/check.ts';
import { assertRules } from '../template/conditions.ts';
import { type GivenParameter, readParameters } from '../template/parameters.ts';
import { readTemplate, type Template } from '../template/template.ts';
import { findResourceType } from '../types/index.ts';

/** Reads the input that CreateStack, UpdateStack and CreateChangeSet share into a target. Throws if it is invalid. */
export async function readTarget(account: StackAccount, input: Input, stack: NamedStack): Promise<Target> {
  const previous = stack.target;
  const usePrevious = optionalText(input, 'UsePreviousTemplate') === 'true';
  const template = usePrevious && previous ? previous.template : await readSubmittedTemplate(account, input);
  checkTemplate(template, findResourceType);
  const given = structures(input, 'Parameters').map(givenParameter);
  const parameters = await readParameters(
    template.parameters,
    given,
    previous?.parameters ?? {},
    account.context.call,
  );
  const context = createResolutionSource(account, stack, () => undefined);
  const conditions = resolveConditions(template, parameters, context);
  const target: Target = {
    ...{ template, parameters, conditions },
    tags: input['Tags'] === undefined && previous ? previous.tags : readTags(input),
    notificationArns: texts(input, 'NotificationARNs'),
    capabilities: texts(input, 'Capabilities'),
    roleArn: optionalText(input, 'RoleARN'),
  };
  assertRules(template.rules, createScope(target, context));
  // Refuses circular dependencies, and references to resources that a condition leaves out.
  dependencyGraph(template, conditions);
  refuseMissingCapabilities(template, target.capabilities);
  refuseOtherTypes(template, stack);
  return target;
}

export type NamedStack = Pick<Stack, 'name' | 'id'> & Partial<Pick<Stack, 'target' | 'resources'>>;

/** The template of `TemplateBody` or, from this cloud's S3, of `TemplateURL`. */
export async function readSubmittedTemplate(account: StackAccount, input: Input): Promise<Template> {
  const body = optionalText(input, 'TemplateBody');
  const url = optionalText(input, 'TemplateURL');
  if ((body === undefined) === (url === undefined)) {
    throw validationError('Either Template URL or Template Body must be specified.');
  }
  return readTemplate(body ?? (await fetchTemplate(account, url ?? '')));
}

/** Both forms of an S3 address: `https://bucket.s3.region.host/key` and `https://s3.region.host/bucket/key`. */
function parseS3Url(url: string): { Bucket: string; Key: string } | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, pathname } = new URL(url);
  const path = decodeURIComponent(pathname.slice(1));
  const hosted = /^(.+)\.s3[.-]/.exec(hostname)?.[1];
  if (hosted !== undefined) return { Bucket: hosted, Key: path };
  const slash = path.indexOf('/');
  return slash > 0 ? { Bucket: path.slice(0, slash), Key: path.slice(slash + 1) } : undefined;
}

async function fetchTemplate({ context }: StackAccount, url: string): Promise<string> {
  const object = parseS3Url(url);
  if (!object?.Key) throw validationError('TemplateURL must be a supported URL.');
  try {
    const { Body } = await context.call('s3', 'GetObject', object);
    if (Body instanceof Uint8Array) return Buffer.from(Body).toString('utf8');
    return String(Body);
  } catch (error) {
    const detail = error instanceof AwsError ? `${error.code}: ${error.message}` : String(error);
    throw validationError(`TemplateURL ${url} cannot be read: ${detail}`);
  }
}

function givenParameter(input: Input): GivenParameter {
  const value = input['ParameterValue'];
  return {
    ParameterKey: text(input, 'ParameterKey'),
    // An empty value is not a missing one.
    ...(value === undefined ? {} : { ParameterValue: String(value) }),
    UsePreviousValue: String(input['UsePreviousValue']) === 'true',
  };
}

function readTags(input: Input): Tag[] {
  return structures(input, 'Tags').map((tag) => ({
    Key: text(tag, 'Key'),
    Value: optionalText(tag, 'Value') ?? '',
  }));
}

/** The capabilities that the caller must acknowledge ("Acknowledging IAM resources in CloudFormation templates"). */
export function requiredCapabilities(template: Template): { capabilities: string[]; reason?: string } {
  const iam = Object.values(template.resources).filter(({ Type }) => Type.startsWith('AWS::IAM::'));
  if (iam.length === 0) return { capabilities: [] };
  const named = iam.some(({ Type, Properties }) => {
    const name = findResourceType(Type)?.nameProperty;
    return name !== undefined && name in Properties;
  });
  const types = [...new Set(iam.map(({ Type }) => Type))].join(', ');
  return {
    capabilities: [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'],
    reason: `The following resource(s) require capabilities: [${types}]`,
  };
}

function refuseMissingCapabilities(template: Template, acknowledged: string[]): void {
  const missing = requiredCapabilities(template).capabilities.filter(
    (needed) => !acknowledged.includes(needed) && !acknowledged.includes('CAPABILITY_NAMED_IAM'),
  );
  if (missing.length === 0) return;
  throw new AwsError('InsufficientCapabilitiesException', `Requires capabilities : [${missing.join(', ')}]`);
}

function refuseOtherTypes(template: Template, stack: NamedStack): void {
  const moved = Object.entries(template.resources).filter(([logicalId, { Type }]) => {
    const now = stack.resources?.get(logicalId);
    return now !== undefined && now.type !== Type && now.physicalId !== undefined;
  });
  if (moved.length === 0) return;
  const names = moved.map(([logicalId]) => logicalId).join(', ');
  throw validationError(
    `Update of resource type is not permitted. The new template modifies resource type of the following ` +
      `resources: [${names}]`,
  );
}
