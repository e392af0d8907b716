import { validationError } from '../errors.ts';
import { CONDITION_FUNCTIONS } from './conditions.ts';
import { PLAIN_FUNCTIONS } from './functions.ts';
import { findReferences, type Reference } from './references.ts';
import type { ResourceDeclaration, Template } from './template.ts';

/** What the check needs of a resource type. */
export interface KnownType {
  attributes: readonly string[] | 'any';
}

/** Finds a type by its name; undefined if there is none. */
export type FindType = (name: string) => KnownType | undefined;

const PSEUDO_PARAMETERS = [
  ...[
    'AWS::AccountId',
    'AWS::NotificationARNs',
    'AWS::NoValue',
    'AWS::Partition',
    'AWS::Region',
    'AWS::StackId',
  ],
  ...['AWS::StackName', 'AWS::URLSuffix'],
];
const RESOURCE_FUNCTIONS = new Set([
  ...['Ref', 'Fn::GetAtt', 'Fn::Sub', 'Fn::If', 'Fn::FindInMap', 'Fn::ImportValue', 'Fn::GetAZs'],
  ...Object.keys(PLAIN_FUNCTIONS),
]);
const PARAMETER_FUNCTIONS = new Set([
  ...['Ref', 'Fn::Sub', 'Fn::If', 'Fn::FindInMap', 'Fn::Join', 'Fn::Select', 'Fn::Split', 'Fn::Length'],
  ...CONDITION_FUNCTIONS,
]);
const EXTENSIONS = new Set(['Fn::Length', 'Fn::ToJsonString']);
const POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate'];

/** Refuses unknown types, functions, names, attributes and policies of the template, by name. */
export function checkTemplate(template: Template, findType: FindType): void {
  const declared = Object.entries(template.resources);
  const unknownTypes = new Set(declared.map(([, one]) => one.Type).filter((type) => !findType(type)));
  if (unknownTypes.size > 0) {
    throw validationError(
      `Template format error: Unrecognized resource types: [${[...unknownTypes].join(', ')}]`,
    );
  }
  for (const [logicalId, resource] of declared) checkResource(template, logicalId, resource, findType);
  for (const [name, output] of Object.entries(template.outputs)) {
    checkCondition(template, output.Condition, `output ${name}`);
    checkValue(template, [output.Value, output.Export], findType, 'Outputs');
  }
  for (const expression of Object.values(template.conditions)) checkParameterExpression(template, expression);
  for (const rule of Object.values(template.rules)) {
    checkParameterExpression(template, [rule.RuleCondition, rule.Assertions.map((one) => one.Assert)]);
  }
}

function checkResource(
  template: Template,
  logicalId: string,
  resource: ResourceDeclaration,
  findType: FindType,
): void {
  checkCondition(template, resource.Condition, `resource ${logicalId}`);
  for (const name of resource.DependsOn) {
    if (!Object.hasOwn(template.resources, name)) throw unresolved(name, 'Resources');
  }
  for (const key of ['DeletionPolicy', 'UpdateReplacePolicy'] as const) {
    const policy = resource[key];
    if (policy === undefined || (typeof policy === 'string' && POLICIES.includes(policy))) continue;
    const shown = JSON.stringify(policy);
    throw validationError(
      `Template error: ${key} ${shown} of resource ${logicalId} is not supported; ${POLICIES.join(', ')} are`,
    );
  }
  if (resource.CreationPolicy !== undefined) {
    throw validationError(
      `Template error: resource ${logicalId} has a CreationPolicy: the embedded cloud does not wait for signals`,
    );
  }
  checkValue(template, [resource.Properties, resource.UpdatePolicy], findType, 'Resources');
}

function checkCondition(template: Template, name: unknown, owner: string): void {
  if (name === undefined || (typeof name === 'string' && Object.hasOwn(template.conditions, name))) return;
  throw validationError(`Template format error: Condition ${String(name)} of ${owner} is not defined`);
}

function checkValue(template: Template, value: unknown, findType: FindType, block: string): void {
  for (const reference of findReferences(value)) {
    if (reference.kind === 'function') checkFunction(template, reference.name, RESOURCE_FUNCTIONS, block);
    else if (reference.kind === 'getAtt') checkAttribute(template, reference, findType);
    else checkName(template, reference, block);
  }
}

function checkFunction(template: Template, name: string, allowed: Set<string>, block: string): void {
  if (!allowed.has(name)) {
    throw validationError(
      `Template error: function ${name} is not supported in the ${block} block of the template`,
    );
  }
  if (EXTENSIONS.has(name) && !template.languageExtensions) {
    throw validationError(`Template error: ${name} needs the transform AWS::LanguageExtensions`);
  }
}

function checkAttribute(
  template: Template,
  { name, attribute }: { name: string; attribute: string },
  findType: FindType,
): void {
  const resource = template.resources[name];
  if (!resource) {
    throw validationError(`Template error: instance of Fn::GetAtt references undefined resource ${name}`);
  }
  const attributes = findType(resource.Type)?.attributes ?? [];
  if (attribute === '' || attributes === 'any' || attributes.includes(attribute)) return;
  throw validationError(
    `Template error: resource ${name} does not support attribute type ${attribute} in Fn::GetAtt`,
  );
}

function checkName(template: Template, { kind, name }: Reference, block: string): void {
  if (kind === 'condition') checkCondition(template, name, 'an Fn::If');
  if (kind === 'mapping' && !Object.hasOwn(template.mappings, name)) {
    throw validationError(
      `Template error: Mapping named '${name}' is not present in the 'Mappings' section of template.`,
    );
  }
  if (kind !== 'ref') return;
  const known =
    PSEUDO_PARAMETERS.includes(name) ||
    Object.hasOwn(template.parameters, name) ||
    Object.hasOwn(template.resources, name);
  if (!known) throw unresolved(name, block);
}

function checkParameterExpression(template: Template, expression: unknown): void {
  for (const reference of findReferences(expression)) {
    if (reference.kind === 'function')
      checkFunction(template, reference.name, PARAMETER_FUNCTIONS, 'Conditions');
    const isResource = reference.kind === 'ref' && Object.hasOwn(template.resources, reference.name);
    if (reference.kind === 'getAtt' || isResource) throw unresolved(reference.name, 'Conditions');
    if (reference.kind === 'ref' || reference.kind === 'mapping')
      checkName(template, reference, 'Conditions');
  }
}

export function unresolved(name: string, block: string): Error {
  return validationError(
    `Template format error: Unresolved resource dependencies [${name}] in the ${block} block of the template`,
  );
}
