import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { AwsError } from '../../front-door/service.ts';
import type { ResourceType } from '../resource-type.ts';
import { isUnknown } from '../template/functions.ts';
import { isRecord } from '../template/parse.ts';

export interface PropertyProblem {
  /** A JSON pointer: `/RedrivePolicy/maxReceiveCount`. */
  path: string;
  message: string;
}

/** Reads the properties by the type's schema. Throws an error that names every wrong property. */
export function readProperties(
  type: ResourceType,
  logicalId: string,
  raw: Record<string, unknown>,
): Record<string, unknown> {
  const result = v.safeParse(type.schema, raw);
  if (result.success) return result.output;
  const problems = result.issues.map(problemOf).map(({ path, message }) => `#${path}: ${message}`);
  throw new AwsError(
    'InvalidRequest',
    `Properties validation failed for resource ${logicalId} with message: [${problems.join(', ')}]`,
  );
}

/** The problems of the properties, as far as they are known before the deployment. */
export function knownProblems(type: ResourceType, raw: Record<string, unknown>): PropertyProblem[] {
  const result = v.safeParse(type.schema, raw);
  const issues = result.success ? [] : result.issues;
  return issues.filter((issue) => !isUnknown(issue.input)).map(problemOf);
}

function problemOf(issue: v.BaseIssue<unknown>): PropertyProblem {
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const last = keys.at(-1);
  const parent = keys.slice(0, -1).map((key) => `/${key}`);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return { path: parent.join(''), message: `extraneous key [${last}] is not permitted` };
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') {
    return { path: parent.join(''), message: `required key [${last}] not found` };
  }
  const shown = isRecord(issue.input) ? 'an object' : JSON.stringify(issue.input);
  const expected = issue.expected === null ? issue.message : `expected ${issue.expected}`;
  return { path: keys.map((key) => `/${key}`).join(''), message: `${expected}, found ${shown}` };
}

/** Names of the top-level properties that differ. */
export function changedProperties(
  previous: Record<string, unknown>,
  next: Record<string, unknown>,
): string[] {
  const names = new Set([...Object.keys(previous), ...Object.keys(next)]);
  return [...names].filter((name) => !isDeepStrictEqual(previous[name], next[name]));
}

/** Whether this change requires replacement. */
export function takesReplacement(type: ResourceType, changed: readonly string[]): boolean {
  return changed.length > 0 && (!type.update || changed.some((name) => type.createOnly.includes(name)));
}
