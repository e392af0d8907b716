import { reasonOf } from '../errors.ts';
import { contextOf, type Deployment, typeOf } from './deployment.ts';
import { resourceStatus } from './events.ts';
import { type Graph, runInOrder } from './graph.ts';
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
  const failed = await runInOrder(graph, async (key) => {
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
    resourceStatus(stack, clock, ids, resource, 'DELETE_SKIPPED');
    return;
  }
  resourceStatus(stack, clock, ids, resource, 'DELETE_IN_PROGRESS');
  try {
    const { physicalId, attributes, properties } = resource;
    if (physicalId !== undefined) {
      await typeOf(resource).delete({ physicalId, attributes }, properties, contextOf(deployment, resource));
    }
    resourceStatus(stack, clock, ids, resource, 'DELETE_COMPLETE');
  } catch (error) {
    resourceStatus(stack, clock, ids, resource, 'DELETE_FAILED', reasonOf(error));
    throw error;
  }
}
