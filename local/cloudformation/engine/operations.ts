import { errorReason, validationError } from '../errors.ts';
import { createResolutionSource, type StackAccount } from './account.ts';
import { type Deployment, startDeployment } from './deployment.ts';
import { createScope, resolveOutputs } from './evaluate.ts';
import { type OperationIds, setStackStatus } from './events.ts';
import { refuseExports } from './exports.ts';
import { dependencyGraph, runByDependencies } from './graph.ts';
import { provision } from './provision.ts';
import { deletionPolicy, removeAll } from './remove.ts';
import type { Stack, StackOutput, StackResource, Target } from './stack.ts';

/** One operation on one stack. `controller` cancels it. */
export interface StackOperation {
  account: StackAccount;
  stack: Stack;
  ids: OperationIds;
  controller: AbortController;
}

export type OnFailure = 'ROLLBACK' | 'DELETE' | 'DO_NOTHING';

/** Creates the stack. If that fails, does what `onFailure` says. */
export async function createStack(
  operation: StackOperation,
  target: Target,
  onFailure: OnFailure,
): Promise<void> {
  setStatus(operation, 'CREATE_IN_PROGRESS', 'User Initiated');
  const problem = await converge(operation, target, 'create');
  if (problem === undefined) return finish(operation, 'CREATE_COMPLETE');
  if (operation.stack.deletionRequested) return;
  if (onFailure === 'DO_NOTHING') return finish(operation, 'CREATE_FAILED', problem);
  if (onFailure === 'DELETE') return deleteStack(operation, [], problem);
  await rollBackCreation(operation, `${problem}Rollback requested by user.`);
}

/** Deletes every resource that a failed creation made. */
export async function rollBackCreation(operation: StackOperation, reason: string): Promise<void> {
  setStatus(operation, 'ROLLBACK_IN_PROGRESS', reason);
  const failed = await removeEverything(operation, []);
  operation.stack.outputs = [];
  operation.stack.imports.clear();
  if (failed.length === 0) return finish(operation, 'ROLLBACK_COMPLETE');
  finish(
    operation,
    'ROLLBACK_FAILED',
    `The following resource(s) failed to delete: [${failed.join(', ')}]. `,
  );
}

/** Brings the stack to the target. If that fails, rolls back unless roll-back is disabled. */
export async function updateStack(operation: StackOperation, target: Target): Promise<void> {
  const { stack } = operation;
  if (stack.target) stack.lastGood ??= { target: stack.target, outputs: stack.outputs };
  setStatus(operation, 'UPDATE_IN_PROGRESS', 'User Initiated');
  const problem = await converge(operation, target, 'update');
  if (problem === undefined) {
    delete stack.lastGood;
    setStatus(operation, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await cleanUp(operation, ({ declaration }) => declaration.UpdateReplacePolicy);
    return finish(operation, 'UPDATE_COMPLETE');
  }
  if (stack.disableRollback) return finish(operation, 'UPDATE_FAILED', problem);
  await rollBackUpdate(operation, problem);
}

/** Returns the stack to its last good target. */
export async function rollBackUpdate(operation: StackOperation, reason: string): Promise<void> {
  const { stack } = operation;
  const { lastGood } = stack;
  if (!lastGood) throw validationError(`Stack ${stack.name} has no earlier target to roll back to`);
  setStatus(operation, 'UPDATE_ROLLBACK_IN_PROGRESS', reason);
  const controller = new AbortController();
  const { signal } = operation.account.closing;
  signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  const problem = await converge({ ...operation, controller }, lastGood.target, 'update', true);
  if (problem !== undefined) return finish(operation, 'UPDATE_ROLLBACK_FAILED', problem);
  stack.outputs = lastGood.outputs;
  delete stack.lastGood;
  setStatus(operation, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
  await cleanUp(operation, deletionPolicy);
  finish(operation, 'UPDATE_ROLLBACK_COMPLETE');
}

/** Deletes the stack with its resources, except those that are to be retained. */
export async function deleteStack(
  operation: StackOperation,
  retain: string[],
  reason = 'User Initiated',
  force = false,
): Promise<void> {
  const { stack, account } = operation;
  setStatus(operation, 'DELETE_IN_PROGRESS', reason);
  const failed = await removeEverything(operation, retain);
  if (failed.length > 0 && !force) {
    const problem = `The following resource(s) failed to delete: [${failed.join(', ')}]. `;
    return finish(operation, 'DELETE_FAILED', problem);
  }
  stack.deletedAtMs = account.context.clock.now();
  stack.imports.clear();
  stack.outputs = [];
  finish(operation, 'DELETE_COMPLETE');
}

/** Ends a deletion before it began: the stack keeps its state, and an event has the reason. */
export function abandonDeletion(operation: StackOperation, before: string, reason: string): void {
  setStatus(operation, 'DELETE_IN_PROGRESS', 'User Initiated');
  setStatus(operation, before, reason);
}

/** Brings every resource to the target, then the outputs. Returns the reason if that failed. */
async function converge(
  operation: StackOperation,
  target: Target,
  verb: 'create' | 'update',
  rollingBack = false,
): Promise<string | undefined> {
  const { account, stack, ids, controller } = operation;
  const deployment = startDeployment(account, stack, target, ids, controller.signal, rollingBack);
  try {
    const graph = dependencyGraph(target.template, target.conditions);
    const failed = await runByDependencies(
      graph,
      async (logicalId) => {
        try {
          await provision(deployment, logicalId, [...(graph.get(logicalId) ?? [])]);
        } catch (error) {
          controller.abort(error);
          throw error;
        }
      },
      controller.signal,
    );
    if (failed.length > 0) return `The following resource(s) failed to ${verb}: [${failed.join(', ')}]. `;
    if (controller.signal.aborted) return `${errorReason(controller.signal.reason)}. `;
    stack.outputs = await resolveStackOutputs(deployment);
    return undefined;
  } catch (error) {
    return `${errorReason(error)}. `;
  }
}

async function resolveStackOutputs(deployment: Deployment): Promise<StackOutput[]> {
  const { account, stack, target } = deployment;
  const context = createResolutionSource(account, stack, (name) => stack.resources.get(name), stack.imports);
  const outputs = await resolveOutputs(target, createScope(target, context), account.context.call);
  refuseExports(account, stack, outputs);
  return outputs;
}

/** Deletes replaced resources and those that left the template, after an update. Failures appear in events only. */
async function cleanUp(
  operation: StackOperation,
  replacedPolicy: (resource: StackResource) => unknown,
): Promise<void> {
  const { stack } = operation;
  const deployment = createCleanUp(operation);
  const { template, conditions } = deployment.target;
  const wanted = dependencyGraph(template, conditions);
  const replaced = new Set(stack.retired);
  const removed = [...stack.resources.values()].filter(({ logicalId }) => !wanted.has(logicalId));
  await removeAll(deployment, [...replaced, ...removed], (resource) =>
    replaced.has(resource) ? replacedPolicy(resource) : deletionPolicy(resource),
  );
  stack.retired = [];
  for (const { logicalId } of removed) stack.resources.delete(logicalId);
}

async function removeEverything(operation: StackOperation, retain: string[]): Promise<string[]> {
  const { stack } = operation;
  const gone = new Set(['DELETE_COMPLETE', 'DELETE_SKIPPED']);
  const all = [...stack.resources.values(), ...stack.retired].filter(({ status }) => !gone.has(status));
  const failed = await removeAll(createCleanUp(operation), all, (resource) =>
    retain.includes(resource.logicalId) ? 'Retain' : deletionPolicy(resource),
  );
  stack.retired = stack.retired.filter(({ status }) => !gone.has(status));
  return failed;
}

/** Deletions continue when the rest of the operation was cancelled. */
function createCleanUp({ account, stack, ids }: StackOperation): Deployment {
  const target = stack.target;
  if (!target) throw validationError(`Stack ${stack.name} was never created`);
  const context = createResolutionSource(account, stack, (name) => stack.resources.get(name));
  return {
    ...{ account, stack, target, ids, previousTags: target.tags, rollingBack: false },
    scope: createScope(target, context),
    signal: account.closing.signal,
  };
}

function setStatus({ account, stack, ids }: StackOperation, status: string, reason?: string): void {
  setStackStatus(stack, account.context.clock, ids, status, reason);
}

function finish(operation: StackOperation, status: string, reason?: string): void {
  for (const resource of operation.stack.resources.values()) delete resource.fresh;
  setStatus(operation, status, reason);
}
