import type { ChangeDetail, ResourceChange } from '../engine/resource-change.ts';
import { isUnknown } from '../template/functions.ts';

/** A change as `DescribeChangeSet` shows it; with values only if they were asked for. */
export function changeView(change: ResourceChange, withValues: boolean) {
  const { action, logicalId, physicalId, type, replacement, policyAction, details } = change;
  const scope = [...new Set(details.map(({ attribute }) => attribute))];
  return {
    Type: 'Resource',
    ResourceChange: {
      Action: action,
      LogicalResourceId: logicalId,
      PhysicalResourceId: physicalId,
      ResourceType: type,
      Replacement: replacement,
      PolicyAction: policyAction,
      Scope: scope,
      Details: details.map((detail) => detailView(detail, withValues)),
      ...(withValues ? { BeforeContext: context(change.before), AfterContext: context(change.after) } : {}),
    },
  };
}

function detailView(
  { attribute, name, requiresRecreation, before, after }: ChangeDetail,
  withValues: boolean,
) {
  const values = {
    Path: name === undefined ? `/${attribute}` : `/${attribute}/${name}`,
    BeforeValue: valueText(before),
    AfterValue: valueText(after),
    AttributeChangeType: before === undefined ? 'Add' : after === undefined ? 'Remove' : 'Modify',
  };
  return {
    Target: {
      Attribute: attribute,
      Name: name,
      RequiresRecreation: requiresRecreation,
      ...(withValues && name !== undefined ? values : {}),
    },
    Evaluation: isUnknown(after) ? 'Dynamic' : 'Static',
    ChangeSource: 'DirectModification',
  };
}

function context(properties: Record<string, unknown> | undefined): string | undefined {
  return properties && JSON.stringify({ Properties: properties });
}

function valueText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
