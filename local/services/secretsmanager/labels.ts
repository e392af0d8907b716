import { AwsError } from '../../front-door/service.ts';

export const CURRENT = 'AWSCURRENT';
export const PREVIOUS = 'AWSPREVIOUS';
export const PENDING = 'AWSPENDING';

/** The staging labels of a secret, each with the id of the version that it is attached to: one at a time. */
export type Labels = Map<string, string>;

/** The staging labels of a version, sorted. A version without any is deprecated. */
export function labelsOf(labels: Labels, versionId: string): string[] {
  return [...labels].flatMap(([label, id]) => (id === versionId ? [label] : [])).sort();
}

/** The versions that have staging labels, with these. */
export function versionsToLabels(labels: Labels): Record<string, string[]> {
  return Object.fromEntries([...new Set(labels.values())].map((id) => [id, labelsOf(labels, id)]));
}

/** Takes the label from any other version. The version that loses `AWSCURRENT` gets `AWSPREVIOUS` ("PutSecretValue"). */
export function attachLabel(labels: Labels, label: string, versionId: string): void {
  const before = labels.get(label);
  if (label === CURRENT && before !== undefined && before !== versionId) labels.set(PREVIOUS, before);
  labels.set(label, versionId);
}

/**
 * "UpdateSecretVersionStage".
 *
 * @param from the version that has the label now
 * @param to the version that gets it; undefined: none
 * @throws `InvalidParameterException` if another version than `from` has the label, or if it takes `AWSCURRENT` from all
 */
export function moveLabel(
  labels: Labels,
  label: string,
  { from, to }: { from: string | undefined; to: string | undefined },
): void {
  const now = labels.get(label);
  if (from !== undefined && from !== now) {
    throw invalid(`Staging label ${label} is not attached to version ${from} of RemoveFromVersionId.`);
  }
  if (from === undefined && now !== undefined && now !== to) {
    throw invalid(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${label} is currently attached to version ` +
        `${now}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  if (to !== undefined) attachLabel(labels, label, to);
  else if (label !== CURRENT) labels.delete(label);
  else throw invalid(`Staging label ${CURRENT} can only be moved to another version.`);
}

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);
