import { validationError } from '../errors.ts';
import { isRecord, parseTemplateText } from './parse.ts';

/** A template whose structure was checked. Its values still hold intrinsics. */
export interface Template {
  /** The submitted text, which `GetTemplate` returns unchanged. */
  text: string;
  description: string | undefined;
  metadata: Record<string, unknown>;
  parameters: Record<string, ParameterDeclaration>;
  mappings: Record<string, Record<string, Record<string, unknown>>>;
  conditions: Record<string, unknown>;
  rules: Record<string, RuleDeclaration>;
  resources: Record<string, ResourceDeclaration>;
  outputs: Record<string, OutputDeclaration>;
  /** The template uses the transform `AWS::LanguageExtensions`. */
  languageExtensions: boolean;
}

export interface ParameterDeclaration {
  Type: string;
  Default?: unknown;
  AllowedValues?: unknown[];
  AllowedPattern?: string;
  ConstraintDescription?: string;
  Description?: string;
  MinLength?: unknown;
  MaxLength?: unknown;
  MinValue?: unknown;
  MaxValue?: unknown;
  NoEcho?: unknown;
}

export interface RuleDeclaration {
  RuleCondition?: unknown;
  Assertions: { Assert: unknown; AssertDescription?: string }[];
}

export interface ResourceDeclaration {
  Type: string;
  Properties: Record<string, unknown>;
  Condition?: string;
  DependsOn: string[];
  DeletionPolicy?: unknown;
  UpdateReplacePolicy?: unknown;
  CreationPolicy?: unknown;
  UpdatePolicy?: unknown;
  Metadata?: unknown;
}

export interface OutputDeclaration {
  Value: unknown;
  Description?: string;
  Condition?: string;
  Export?: { Name: unknown };
}

const SECTIONS = [
  ...['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Mappings', 'Conditions', 'Rules'],
  ...['Transform', 'Resources', 'Outputs'],
];
const PARAMETER_KEYS = [
  ...[
    'Type',
    'Default',
    'AllowedValues',
    'AllowedPattern',
    'ConstraintDescription',
    'Description',
    'MinLength',
  ],
  ...['MaxLength', 'MinValue', 'MaxValue', 'NoEcho'],
];
const RESOURCE_KEYS = [
  ...[
    'Type',
    'Properties',
    'Condition',
    'DependsOn',
    'DeletionPolicy',
    'UpdateReplacePolicy',
    'CreationPolicy',
  ],
  ...['UpdatePolicy', 'Metadata'],
];
const OUTPUT_KEYS = ['Value', 'Description', 'Condition', 'Export'];
const RULE_KEYS = ['RuleCondition', 'Assertions'];
const FORMAT_VERSION = '2010-09-09';
const LANGUAGE_EXTENSIONS = 'AWS::LanguageExtensions';

/** Parses the template and checks its structure. Unknown sections and keys are refused by name. */
export function readTemplate(text: string): Template {
  const raw = parseTemplateText(text);
  onlyKeys(raw, SECTIONS, 'Invalid template property or properties');
  const version = raw['AWSTemplateFormatVersion'];
  if (version !== undefined && version !== FORMAT_VERSION) {
    throw validationError(`Template format error: ${String(version)} is not a supported value.`);
  }
  const resources = section(raw, 'Resources', readResource);
  if (Object.keys(resources).length === 0) {
    throw validationError('Template format error: At least one Resources member must be defined.');
  }
  return {
    text,
    description: typeof raw['Description'] === 'string' ? raw['Description'] : undefined,
    metadata: record(raw['Metadata'] ?? {}, 'Metadata'),
    parameters: section(raw, 'Parameters', readParameter),
    mappings: section(raw, 'Mappings', readMapping),
    conditions: record(raw['Conditions'] ?? {}, 'Conditions'),
    rules: section(raw, 'Rules', readRule),
    resources,
    outputs: section(raw, 'Outputs', readOutput),
    languageExtensions: readTransform(raw['Transform']),
  };
}

function section<T>(
  raw: Record<string, unknown>,
  name: string,
  read: (value: Record<string, unknown>, path: string) => T,
): Record<string, T> {
  const members = Object.entries(record(raw[name] ?? {}, name));
  return Object.fromEntries(
    members.map(([key, value]) => {
      // Only names of mappings may have other characters ("Mappings syntax reference").
      if (name !== 'Mappings' && !/^[A-Za-z0-9]+$/.test(key)) {
        throw validationError(`Template format error: ${name} name ${key} is non alphanumeric.`);
      }
      const path = `/${name}/${key}`;
      return [key, read(record(value, path), path)];
    }),
  );
}

function readTransform(transform: unknown): boolean {
  const names = transform === undefined ? [] : Array.isArray(transform) ? transform : [transform];
  for (const name of names) {
    if (name === LANGUAGE_EXTENSIONS) continue;
    const shown = typeof name === 'string' ? name : JSON.stringify(name);
    throw validationError(
      `Template format error: transform ${shown} is not supported; ${LANGUAGE_EXTENSIONS} is`,
    );
  }
  return names.length > 0;
}

function readParameter(value: Record<string, unknown>, path: string): ParameterDeclaration {
  onlyKeys(value, PARAMETER_KEYS, `Invalid template parameter property in ${path}`);
  if (typeof value['Type'] !== 'string') {
    throw validationError(
      `Template format error: Every Parameters object must contain a Type member. (${path})`,
    );
  }
  return value as unknown as ParameterDeclaration;
}

function readMapping(value: Record<string, unknown>, path: string): Record<string, Record<string, unknown>> {
  const rows = Object.entries(value).map(([key, row]) => [key, record(row, `${path}/${key}`)]);
  return Object.fromEntries(rows);
}

function readRule(value: Record<string, unknown>, path: string): RuleDeclaration {
  onlyKeys(value, RULE_KEYS, `Invalid rule property in ${path}`);
  if (!Array.isArray(value['Assertions'])) {
    throw validationError(`Template format error: Every Rules object must contain Assertions. (${path})`);
  }
  return value as unknown as RuleDeclaration;
}

function readResource(value: Record<string, unknown>, path: string): ResourceDeclaration {
  onlyKeys(value, RESOURCE_KEYS, `Invalid template resource property in ${path}`);
  if (typeof value['Type'] !== 'string') {
    throw validationError(
      `Template format error: [${path}] Every Resources object must contain a Type member.`,
    );
  }
  const dependsOn = value['DependsOn'] ?? [];
  return {
    ...value,
    Type: value['Type'],
    Properties: record(value['Properties'] ?? {}, `${path}/Properties`),
    DependsOn: (Array.isArray(dependsOn) ? dependsOn : [dependsOn]).map(String),
  };
}

function readOutput(value: Record<string, unknown>, path: string): OutputDeclaration {
  onlyKeys(value, OUTPUT_KEYS, `Invalid template output property in ${path}`);
  if (value['Value'] === undefined) {
    throw validationError(
      `Template format error: Every Outputs member must contain a Value object. (${path})`,
    );
  }
  const exported = value['Export'];
  if (exported !== undefined && (!isRecord(exported) || exported['Name'] === undefined)) {
    throw validationError(`Template format error: Export of ${path} must contain a Name.`);
  }
  return value as unknown as OutputDeclaration;
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw validationError(`Template format error: ${path} must be an object.`);
}

function onlyKeys(value: Record<string, unknown>, allowed: string[], complaint: string): void {
  const unknown = Object.keys(value).filter((key) => !allowed.includes(key));
  if (unknown.length > 0) {
    throw validationError(`${complaint} [${unknown.join(', ')}]; known are ${allowed.join(', ')}`);
  }
}
