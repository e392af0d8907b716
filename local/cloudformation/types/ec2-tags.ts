import type { ResourceContext } from '../resource-type.ts';
import { mergeTagList, type TagList, tagChanges } from './properties.ts';

/** Tags as EC2's create calls take them. */
export function tagSpecifications(kind: string, own: TagList | undefined, context: ResourceContext) {
  return [{ ResourceType: kind, Tags: mergeTagList(own, context) }];
}

/** Sets the wanted tags and removes the others. */
export async function retagEc2(
  id: string,
  own: TagList | undefined,
  previous: TagList | undefined,
  context: ResourceContext,
): Promise<void> {
  const { list, dropped } = tagChanges(own, previous, context);
  if (dropped.length > 0) {
    await context.call('ec2', 'DeleteTags', { Resources: [id], Tags: dropped.map((Key) => ({ Key })) });
  }
  await context.call('ec2', 'CreateTags', { Resources: [id], Tags: list });
}
