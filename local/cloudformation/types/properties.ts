/**
 * How properties are written down. A template may give a number or a boolean as text, so these read both, as
 * CloudFormation does; a key that is not there is refused by name, at every depth.
 */
import * as v from 'valibot';
import { AwsError } from '../../front-door/service.ts';
import type { ResourceContext } from '../resource-type.ts';

export const text = v.pipe(
  v.union([v.string(), v.number(), v.boolean()]),
  v.transform((value) => String(value)),
);
export const number = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?$/))]),
  v.transform((value) => Number(value)),
);
export const boolean = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
);
export const texts = v.array(text);
/** A JSON document: what is in it is the service's business. */
export const document = v.union([v.record(v.string(), v.unknown()), v.string()]);
export const properties = <E extends v.ObjectEntries>(entries: E) => v.strictObject(entries);

export const tagList = v.array(properties({ Key: text, Value: text }));
export type TagList = v.InferOutput<typeof tagList>;
export const tagMap = v.record(v.string(), text);

/** The resource's tags over the stack's, as a map. */
export function tagsOf(own: TagList | Record<string, string> | undefined, context: ResourceContext) {
  const mine = Array.isArray(own) ? Object.fromEntries(own.map(({ Key, Value }) => [Key, Value])) : own;
  return { ...context.stackTags, ...mine };
}

/** As most services want them. */
export function tagListOf(own: TagList | Record<string, string> | undefined, context: ResourceContext) {
  return Object.entries(tagsOf(own, context)).map(([Key, Value]) => ({ Key, Value }));
}

/** What an update does to the tags: all that are wanted, and the keys of those that no longer are. */
export function tagChanges(
  own: TagList | Record<string, string> | undefined,
  previous: TagList | Record<string, string> | undefined,
  context: ResourceContext,
) {
  const wanted = tagsOf(own, context);
  const before = tagsOf(previous, { ...context, stackTags: context.previousStackTags });
  const dropped = Object.keys(before).filter((key) => !(key in wanted));
  return { wanted, list: tagListOf(own, context), dropped };
}

/** What properties fall back to when a template takes them away: of those that only `previous` had. */
export function fallbacks<T>(
  defaults: Record<string, T>,
  props: object,
  previous: object,
): Record<string, T> {
  const had = (from: object, name: string) => (from as Record<string, unknown>)[name] !== undefined;
  const dropped = Object.entries(defaults).filter(([name]) => had(previous, name) && !had(props, name));
  return Object.fromEntries(dropped);
}

/** As the service wants a policy: text. */
export function policyText(policy: string | Record<string, unknown>): string {
  return typeof policy === 'string' ? policy : JSON.stringify(policy);
}

/** Runs the call; an error of one of these codes means that there is nothing left to do. */
export async function ignoring(codes: readonly string[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof AwsError && codes.includes(error.code))) throw error;
  }
}
