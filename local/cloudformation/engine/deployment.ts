import { setTimeout as delay } from 'node:timers/promises';
import { validationError } from '../errors.ts';
import type { ResourceContext, ResourceType } from '../resource-type.ts';
import { resolve, type Scope } from '../template/intrinsics.ts';
import { findResourceType } from '../types/index.ts';
import { createResolutionSource, type StackAccount } from './account.ts';
import { createScope } from './evaluate.ts';
import { type OperationIds, setResourceStatus } from './events.ts';
import { generatedName } from './names.ts';
import type { Stack, StackResource, Tag, Target } from './stack.ts';

/** One pass over a stack's resources to bring them to a target. */
export interface Deployment {
  account: StackAccount;
  stack: Stack;
  target: Target;
  ids: OperationIds;
  scope: Scope;
  /** The stack's tags before this deployment. */
  previousTags: Tag[];
  /** The stack returns to its last good target: replaced resources are restored instead of created again. */
  rollingBack: boolean;
  /** Aborted when a resource failed or the caller cancels: no resource operation starts, and waits end. */
  signal: AbortSignal;
}

/** The interval of polling. */
const POLL_MS = 100;

/** Makes the target the stack's own. Returns the pass that brings the resources to it. */
export function startDeployment(
  account: StackAccount,
  stack: Stack,
  target: Target,
  ids: OperationIds,
  signal: AbortSignal,
  rollingBack = false,
): Deployment {
  const previousTags = stack.target?.tags ?? target.tags;
  stack.target = target;
  stack.imports = new Set();
  const context = createResolutionSource(account, stack, (name) => stack.resources.get(name), stack.imports);
  return {
    account,
    stack,
    target,
    ids,
    signal,
    previousTags,
    rollingBack,
    scope: createScope(target, context),
  };
}

export function requireResourceType(resource: { type: string }): ResourceType {
  const type = findResourceType(resource.type);
  if (!type) throw validationError(`Unrecognized resource type: ${resource.type}`);
  return type;
}

/** What a resource type needs to work on a resource. */
export function createResourceContext(deployment: Deployment, resource: StackResource): ResourceContext {
  const { account, stack, target, ids, scope, signal, rollingBack } = deployment;
  const { call, clock, region, accountId, presignPut } = account.context;
  const { logicalId, type } = resource;
  return {
    stackName: stack.name,
    stackId: stack.id,
    ...{ logicalId, type, region, accountId, call, clock, presignPut, signal, rollingBack },
    uncertain: resource.uncertain ?? false,
    generatedName: (maxLength) => generatedName(stack.name, logicalId, maxLength),
    previousStackTags: toTagMap(deployment.previousTags),
    stackTags: {
      ...toTagMap(target.tags),
      'aws:cloudformation:stack-name': stack.name,
      'aws:cloudformation:stack-id': stack.id,
      'aws:cloudformation:logical-id': logicalId,
    },
    updatePolicy: resolve(resource.declaration.UpdatePolicy, scope),
    reportCreated(physicalId) {
      if (resource.physicalId !== undefined) return;
      resource.physicalId = physicalId;
      setResourceStatus(stack, clock, ids, resource, 'CREATE_IN_PROGRESS', 'Resource creation Initiated');
    },
    addEventReason(reason) {
      setResourceStatus(stack, clock, ids, resource, resource.status, reason);
    },
    async until(poll) {
      for (;;) {
        signal.throwIfAborted();
        const value = await poll();
        if (value !== undefined) return value;
        await delay(POLL_MS, undefined, { signal });
      }
    },
  };
}

function toTagMap(tags: Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}
