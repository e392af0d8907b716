import type { ResourceContext } from '../resource-type.ts';
import { type TagList, tagListOf, tagsOf } from './properties.ts';

/** Tags as EC2 takes them when it makes something. */
export function tagSpecifications(kind: string, own: TagList | undefined, context: ResourceContext) {
  return [{ ResourceType: kind, Tags: tagListOf(own, context) }];
}

/** Puts the tags on, and takes off those that are no longer wanted. */
export async function retagEc2(
  id: string,
  own: TagList | undefined,
  previous: TagList | undefined,
  context: ResourceContext,
): Promise<void> {
  const before = tagsOf(previous, { ...context, stackTags: context.previousStackTags });
  const after = tagsOf(own, context);
  const dropped = Object.keys(before).filter((key) => !(key in after));
  if (dropped.length > 0) {
    await context.call('ec2', 'DeleteTags', { Resources: [id], Tags: dropped.map((Key) => ({ Key })) });
  }
  await context.call('ec2', 'CreateTags', { Resources: [id], Tags: tagListOf(own, context) });
}
