import type { Group } from '../group.ts';

/** Tags of the group, as IAM's condition keys. */
export function tagConditions(group: Group | undefined): Record<string, string> {
  const tags = [...(group?.tags ?? [])];
  return Object.fromEntries(
    tags.flatMap(([key, { value }]) => [
      [`aws:ResourceTag/${key}`, value],
      [`autoscaling:ResourceTag/${key}`, value],
    ]),
  );
}
