import type { Group } from '../group.ts';

/** The group's tags as IAM condition keys. */
export function tagConditions(group: Group | undefined): Record<string, string> {
  const tags = [...(group?.tags ?? [])];
  return Object.fromEntries(
    tags.flatMap(([key, { value }]) => [
      [`aws:ResourceTag/${key}`, value],
      [`autoscaling:ResourceTag/${key}`, value],
    ]),
  );
}
