/**
 * Schemas for properties. A template may give a number or a boolean as text, so these accept both, as CloudFormation
 * does. Unknown keys are refused by name, at every depth.
 */
import * as v from 'valibot';
import { AwsError } from '../../front-door/service.ts';
import type { ResourceContext } from '../resource-type.ts';

export const textProperty = v.pipe(
  v.union([v.string(), v.number(), v.boolean()]),
  v.transform((value) => String(value)),
);
export const numberProperty = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?$/))]),
  v.transform((value) => Number(value)),
);
export const booleanProperty = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
);
export const textListProperty = v.array(textProperty);
/** A JSON document, which the service checks. */
export const documentProperty = v.union([v.record(v.string(), v.unknown()), v.string()]);
export const properties = <E extends v.ObjectEntries>(entries: E) => v.strictObject(entries);

export const tagListProperty = v.array(properties({ Key: textProperty, Value: textProperty }));
export type TagList = v.InferOutput<typeof tagListProperty>;
export const tagMapProperty = v.record(v.string(), textProperty);

/** The resource's tags over the stack's, as a map. */
export function mergeTags(own: TagList | Record<string, string> | undefined, context: ResourceContext) {
  const mine = Array.isArray(own) ? Object.fromEntries(own.map(({ Key, Value }) => [Key, Value])) : own;
  return { ...context.stackTags, ...mine };
}

/** Tags in the form that most services take. */
export function mergeTagList(own: TagList | Record<string, string> | undefined, context: ResourceContext) {
  return Object.entries(mergeTags(own, context)).map(([Key, Value]) => ({ Key, Value }));
}

/** The tags that an update sets, and the keys of those that it removes. */
export function tagChanges(
  own: TagList | Record<string, string> | undefined,
  previous: TagList | Record<string, string> | undefined,
  context: ResourceContext,
) {
  const wanted = mergeTags(own, context);
  const before = mergeTags(previous, { ...context, stackTags: context.previousStackTags });
  const dropped = Object.keys(before).filter((key) => !(key in wanted));
  return { wanted, list: mergeTagList(own, context), dropped };
}

/** The defaults of the properties that only `previous` had: a template that drops a property resets it. */
export function droppedDefaults<T>(
  defaults: Record<string, T>,
  props: object,
  previous: object,
): Record<string, T> {
  const had = (from: object, name: string) => (from as Record<string, unknown>)[name] !== undefined;
  const dropped = Object.entries(defaults).filter(([name]) => had(previous, name) && !had(props, name));
  return Object.fromEntries(dropped);
}

/** A policy as text, which the services take. */
export function policyText(policy: string | Record<string, unknown>): string {
  return typeof policy === 'string' ? policy : JSON.stringify(policy);
}

/** Runs the call. An error with one of these codes means that there is nothing to do. */
export async function ignoreErrors(codes: readonly string[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof AwsError && codes.includes(error.code))) throw error;
  }
}
