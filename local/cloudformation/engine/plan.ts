import { isDeepStrictEqual } from 'node:util';
import { isUnknown, UNKNOWN_VALUE } from '../template/functions.ts';
import { createResolutionSource, type StackAccount } from './account.ts';
import { requireResourceType } from './deployment.ts';
import { createScope, resolveOutputs, resolveProperties } from './evaluate.ts';
import { dependencyGraph, sortByDependencies } from './graph.ts';
import { changedProperties, knownProblems, readProperties, takesReplacement } from './properties.ts';
import type { ChangeDetail, ResourceChange } from './resource-change.ts';
import type { ChangeSet, Stack, StackResource, Target } from './stack.ts';

export interface Plan {
  changes: ResourceChange[];
  problems: ChangeSet['problems'];
  /** True if resources, outputs or tags would change. */
  hasChanges: boolean;
}

/** Plans the change of each resource, as far as it is known before the deployment. Changes nothing. */
export async function planDeployment(account: StackAccount, stack: Stack, target: Target): Promise<Plan> {
  const graph = dependencyGraph(target.template, target.conditions);
  const after = new Map<string, StackResource | undefined>();
  const scope = createScope(
    target,
    createResolutionSource(account, stack, (name) => after.get(name)),
  );
  const changes: ResourceChange[] = [];
  const problems: Plan['problems'] = [];
  for (const logicalId of sortByDependencies(graph)) {
    const declaration = target.template.resources[logicalId];
    if (!declaration) continue;
    const now = stack.resources.get(logicalId);
    const type = requireResourceType({ type: declaration.Type });
    const raw = await resolveProperties(declaration.Properties, scope, account.context.call);
    const found = knownProblems(type, raw);
    problems.push(...found.map((problem) => ({ ...problem, logicalId, type: declaration.Type })));
    const next = found.length > 0 || isUnknown(raw) ? raw : readProperties(type, logicalId, raw);
    const change = planChange(stack, target, logicalId, now, next);
    if (change) changes.push(change);
    after.set(logicalId, predictResource(now, change));
  }
  changes.push(...removals(stack, new Set(graph.keys())));
  const outputs = await resolveOutputs(target, scope, account.context.call);
  const same =
    isDeepStrictEqual(outputs, stack.outputs) && isDeepStrictEqual(target.tags, stack.target?.tags);
  return { changes, problems, hasChanges: changes.length > 0 || !same };
}

function planChange(
  stack: Stack,
  target: Target,
  logicalId: string,
  now: StackResource | undefined,
  next: Record<string, unknown>,
): ResourceChange | undefined {
  const declaration = target.template.resources[logicalId];
  const type = declaration?.Type ?? '';
  if (now?.physicalId === undefined || now.status === 'CREATE_FAILED') {
    return { action: 'Add', logicalId, physicalId: undefined, type, details: [], after: next };
  }
  const details = [...propertyDetails(now, next), ...otherDetails(stack, target, now)];
  if (details.length === 0 && !now.uncertain) return undefined;
  const replacement = replacementOf(details);
  const kept = declaration?.UpdateReplacePolicy === 'Retain';
  return {
    ...{ action: 'Modify', logicalId, physicalId: now.physicalId, type, details, replacement },
    ...(replacement === 'False' ? {} : { policyAction: kept ? 'ReplaceAndRetain' : 'ReplaceAndDelete' }),
    before: now.properties,
    after: next,
  };
}

function propertyDetails(now: StackResource, next: Record<string, unknown>): ChangeDetail[] {
  return changedProperties(now.properties, next).map((name) => {
    const replaces = takesReplacement(requireResourceType(now), [name]);
    const maybe = isUnknown(next[name]) ? 'Conditionally' : 'Always';
    const [before, after] = [now.properties[name], next[name]];
    return {
      ...{ attribute: 'Properties', name, requiresRecreation: replaces ? maybe : 'Never' },
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    };
  });
}

const ATTRIBUTES = ['Metadata', 'DeletionPolicy', 'UpdateReplacePolicy', 'UpdatePolicy'] as const;

function otherDetails(stack: Stack, target: Target, now: StackResource): ChangeDetail[] {
  const declaration = target.template.resources[now.logicalId];
  const changed: ChangeDetail['attribute'][] = ATTRIBUTES.filter(
    (key) => !isDeepStrictEqual(declaration?.[key], now.declaration[key]),
  );
  if (requireResourceType(now).taggable && !isDeepStrictEqual(target.tags, stack.target?.tags))
    changed.push('Tags');
  return changed.map((attribute) => ({ attribute, requiresRecreation: 'Never' }));
}

function replacementOf(details: ChangeDetail[]): 'True' | 'False' | 'Conditional' {
  if (details.some(({ requiresRecreation }) => requiresRecreation === 'Always')) return 'True';
  const maybe = details.some(({ requiresRecreation }) => requiresRecreation === 'Conditionally');
  return maybe ? 'Conditional' : 'False';
}

/** A resource as later ones will see it: undefined if it is new, with unknown values where attributes may change. */
function predictResource(
  now: StackResource | undefined,
  change: ResourceChange | undefined,
): StackResource | undefined {
  if (!now || !change) return now;
  if (change.action !== 'Modify' || change.replacement !== 'False') return undefined;
  if (!change.details.some(({ attribute }) => attribute === 'Properties')) return now;
  const { volatileAttributes = [] } = requireResourceType(now);
  const moving = volatileAttributes === 'any' ? Object.keys(now.attributes) : volatileAttributes;
  const unknown = Object.fromEntries(moving.map((name) => [name, UNKNOWN_VALUE]));
  return { ...now, attributes: { ...now.attributes, ...unknown } };
}

function removals(stack: Stack, wanted: Set<string>): ResourceChange[] {
  const going = [...stack.resources.values()].filter(({ logicalId }) => !wanted.has(logicalId));
  return going.map(({ logicalId, physicalId, type, properties, declaration }) => ({
    ...{ action: 'Remove', logicalId, physicalId, type, details: [], before: properties },
    policyAction:
      declaration.DeletionPolicy === undefined || declaration.DeletionPolicy === 'Delete'
        ? 'Delete'
        : 'Retain',
  }));
}
