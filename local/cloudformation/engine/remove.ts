import { errorReason } from '../errors.ts';
import { createResourceContext, type Deployment, requireResourceType } from './deployment.ts';
import { setResourceStatus } from './events.ts';
import { type Graph, runByDependencies } from './graph.ts';
import type { StackResource } from './stack.ts';

/** `DeletionPolicy` applies to resources that left the template, `UpdateReplacePolicy` to replaced ones. */
export type PolicyOf = (resource: StackResource) => unknown;

export const deletionPolicy: PolicyOf = ({ declaration }) => declaration.DeletionPolicy;

/** Deletes resources, dependents first. Returns the logical ids of those that could not be deleted. */
export async function removeAll(
  deployment: Deployment,
  resources: StackResource[],
  policyOf: PolicyOf,
): Promise<string[]> {
  const byKey = new Map(resources.map((resource, index) => [`${index}`, resource]));
  const graph: Graph = new Map(
    [...byKey].map(([key, { logicalId }]) => {
      const dependents = [...byKey].filter(([, other]) => other.dependsOn.includes(logicalId));
      return [key, new Set(dependents.map(([other]) => other).filter((other) => other !== key))];
    }),
  );
  const failed = await runByDependencies(graph, async (key) => {
    const resource = byKey.get(key);
    if (resource) await remove(deployment, resource, policyOf(resource));
  });
  return failed.flatMap((key) => byKey.get(key)?.logicalId ?? []);
}

/** Deletes a resource, unless its policy retains it. If that fails, adds an event and rejects. */
async function remove(deployment: Deployment, resource: StackResource, policy: unknown): Promise<void> {
  const { stack, account, ids } = deployment;
  const { clock } = account.context;
  const kept = policy === 'Retain' || (policy === 'RetainExceptOnCreate' && !resource.fresh);
  if (kept && resource.physicalId !== undefined) {
    setResourceStatus(stack, clock, ids, resource, 'DELETE_SKIPPED');
    return;
  }
  setResourceStatus(stack, clock, ids, resource, 'DELETE_IN_PROGRESS');
  try {
    const { physicalId, attributes, properties } = resource;
    if (physicalId !== undefined) {
      await requireResourceType(resource).delete(
        { physicalId, attributes },
        properties,
        createResourceContext(deployment, resource),
      );
    }
    setResourceStatus(stack, clock, ids, resource, 'DELETE_COMPLETE');
  } catch (error) {
    setResourceStatus(stack, clock, ids, resource, 'DELETE_FAILED', errorReason(error));
    throw error;
  }
}
