import {
  boolean,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalText,
  text,
  texts,
} from '../../front-door/read.ts';
import { type Operation as ApiOperation, AwsError, type Input } from '../../front-door/service.ts';
import { addStack, findStack, requireStack, type StackAccount } from '../engine/account.ts';
import { exportsInUse } from '../engine/exports.ts';
import {
  abandonDeletion,
  createStack,
  deleteStack,
  type OnFailure,
  rollBackCreation,
  rollBackUpdate,
  updateStack,
} from '../engine/operations.ts';
import { planDeployment } from '../engine/plan.ts';
import type { Stack } from '../engine/stack.ts';
import { validationError } from '../errors.ts';
import type { StackOperations } from './runs.ts';
import { readTarget } from './submission.ts';

/** The calls that change stacks. */
export function stackOperations(account: StackAccount, runs: StackOperations): Record<string, ApiOperation> {
  return {
    CreateStack: { run: (input) => createStackCall(account, runs, input) },
    UpdateStack: { run: (input) => updateStackCall(account, runs, input) },
    DeleteStack: { run: (input) => deleteStackCall(account, runs, input) },
    CancelUpdateStack: { run: (input) => cancelUpdateCall(account, runs, input) },
    RollbackStack: { run: (input) => rollBackCall(account, runs, input) },
    ContinueUpdateRollback: { run: (input) => continueRollBackCall(account, runs, input) },
    UpdateTerminationProtection: {
      run(input) {
        const stack = requireStack(account, text(input, 'StackName'));
        stack.terminationProtection = boolean(input, 'EnableTerminationProtection');
        return { StackId: stack.id };
      },
    },
  };
}

const NAME = /^[a-zA-Z][-a-zA-Z0-9]{0,127}$/;

/** The name of a stack that is to be created. Throws if the name is invalid or taken. */
export function newStackName(account: StackAccount, input: Input): string {
  const name = text(input, 'StackName');
  if (!NAME.test(name)) {
    throw validationError(
      `1 validation error detected: Value '${name}' at 'stackName' failed to satisfy constraint: Member must ` +
        `satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
    );
  }
  const existing = findStack(account, name);
  if (existing && existing.status !== 'REVIEW_IN_PROGRESS') {
    throw new AwsError('AlreadyExistsException', `Stack [${name}] already exists`);
  }
  return name;
}

/** Refuses express mode, which answers before resources are stable, and drift detection. Neither is implemented. */
export function refuseOtherModes(input: Input): void {
  const drift = optionalText(input, 'DeploymentMode');
  if (drift !== undefined) throw validationError(`DeploymentMode ${drift} is not supported`);
  const config = input['DeploymentConfig'] as Input | undefined;
  const mode = config && typeof config === 'object' ? optionalText(config, 'Mode') : undefined;
  if (mode !== undefined && mode !== 'STANDARD') {
    throw validationError(`DeploymentConfig.Mode ${mode} is not supported; STANDARD is`);
  }
}

async function createStackCall(account: StackAccount, runs: StackOperations, input: Input) {
  refuseOtherModes(input);
  const name = newStackName(account, input);
  const target = await readTarget(account, input, { name, id: '' });
  const onFailure = readOnFailure(input);
  newStackName(account, input);
  const review = findStack(account, name);
  if (review)
    throw validationError(`Stack [${review.id}] is in REVIEW_IN_PROGRESS state: execute its change set`);
  const timeoutMinutes = optionalInteger(input, 'TimeoutInMinutes', { min: 1 });
  const stack = addStack(account, name, {
    terminationProtection: optionalBoolean(input, 'EnableTerminationProtection') ?? false,
    disableRollback: onFailure === 'DO_NOTHING',
    ...(timeoutMinutes === undefined ? {} : { timeoutMinutes }),
  });
  await startCreation(account, runs, stack, input, target, onFailure);
  return { StackId: stack.id };
}

/** Also executes a change set of type CREATE. */
export function startCreation(
  account: StackAccount,
  runs: StackOperations,
  stack: Stack,
  input: Input,
  target: NonNullable<Stack['target']>,
  onFailure: OnFailure,
): Promise<void> {
  return runs.start(stack, input, async (operation) => {
    const minutes = stack.timeoutMinutes;
    const late = new Error(`Stack creation time exceeded the specified timeout of ${minutes} minute(s)`);
    const cancel =
      minutes === undefined
        ? undefined
        : account.context.clock.after(minutes * 60_000, () => operation.controller.abort(late));
    await createStack(operation, target, onFailure);
    cancel?.();
  });
}

function readOnFailure(input: Input): OnFailure {
  const onFailure = optionalChoice(input, 'OnFailure', ['ROLLBACK', 'DELETE', 'DO_NOTHING']);
  const disabled = optionalBoolean(input, 'DisableRollback');
  if (onFailure !== undefined && disabled !== undefined) {
    throw validationError('You can specify either DisableRollback or OnFailure, but not both');
  }
  return onFailure ?? (disabled ? 'DO_NOTHING' : 'ROLLBACK');
}

const UPDATABLE = [
  ...['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'IMPORT_COMPLETE'],
  ...['CREATE_FAILED', 'UPDATE_FAILED'],
];

export function refuseUnlessUpdatable(stack: Stack): void {
  if (UPDATABLE.includes(stack.status)) return;
  throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
}

async function updateStackCall(account: StackAccount, runs: StackOperations, input: Input) {
  refuseOtherModes(input);
  const stack = requireStack(account, text(input, 'StackName'));
  refuseUnlessUpdatable(stack);
  const target = await readTarget(account, input, stack);
  const plan = await planDeployment(account, stack, target);
  if (!plan.hasChanges) throw validationError('No updates are to be performed.');
  refuseUnlessUpdatable(stack);
  await startUpdate(account, runs, stack, input, target);
  return { StackId: stack.id };
}

/** Also executes a change set of type UPDATE. */
export function startUpdate(
  account: StackAccount,
  runs: StackOperations,
  stack: Stack,
  input: Input,
  target: NonNullable<Stack['target']>,
): Promise<void> {
  stack.disableRollback = optionalBoolean(input, 'DisableRollback') ?? false;
  stack.updatedAtMs = account.context.clock.now();
  return runs.start(stack, input, (operation) => updateStack(operation, target));
}

async function deleteStackCall(account: StackAccount, runs: StackOperations, input: Input) {
  const stack = findStack(account, text(input, 'StackName'));
  // Deleting a stack that does not exist, or is being deleted, succeeds.
  if (!stack || stack.status === 'DELETE_COMPLETE' || stack.status === 'DELETE_IN_PROGRESS') return {};
  if (stack.terminationProtection) {
    throw validationError(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
  }
  if (/^(UPDATE|ROLLBACK).*_IN_PROGRESS$/.test(stack.status)) {
    throw validationError(`Stack [${stack.id}] cannot be deleted while in status ${stack.status}`);
  }
  await startDeletion(account, runs, stack, input);
  return {};
}

async function startDeletion(
  account: StackAccount,
  runs: StackOperations,
  stack: Stack,
  input: Input,
): Promise<void> {
  const retain = texts(input, 'RetainResources');
  if (retain.length > 0 && stack.status !== 'DELETE_FAILED') {
    throw validationError(
      'The specified resources to retain must be in a valid state: the stack is not DELETE_FAILED',
    );
  }
  const force = optionalText(input, 'DeletionMode') === 'FORCE_DELETE_STACK';
  if (!stack.target) {
    // A stack under review has no resources, so it is deleted at once.
    stack.status = 'DELETE_COMPLETE';
    stack.deletedAtMs = account.context.clock.now();
    return;
  }
  if (stack.status === 'CREATE_IN_PROGRESS') stack.deletionRequested = true;
  const before = stack.status;
  const quiet = runs.cancel(stack, 'Resource creation cancelled');
  stack.status = 'DELETE_IN_PROGRESS';
  await runs.start(stack, input, async (operation) => {
    await quiet;
    const used = exportsInUse(account, stack);
    if (used === undefined) await deleteStack(operation, retain, 'User Initiated', force);
    else abandonDeletion(operation, before, used);
  });
}

async function cancelUpdateCall(account: StackAccount, runs: StackOperations, input: Input) {
  const stack = requireStack(account, text(input, 'StackName'));
  if (stack.status !== 'UPDATE_IN_PROGRESS') {
    throw validationError(`CancelUpdateStack cannot be called from current stack status ${stack.status}`);
  }
  void runs.cancel(stack, 'Update cancelled by user');
  return {};
}

async function rollBackCall(account: StackAccount, runs: StackOperations, input: Input) {
  const stack = requireStack(account, text(input, 'StackName'));
  const reason = 'User Initiated';
  if (stack.status === 'CREATE_FAILED') {
    await runs.start(stack, input, (operation) => rollBackCreation(operation, reason));
  } else if (stack.status === 'UPDATE_FAILED') {
    await runs.start(stack, input, (operation) => rollBackUpdate(operation, reason));
  } else {
    throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be rolled back.`);
  }
  return { StackId: stack.id };
}

async function continueRollBackCall(account: StackAccount, runs: StackOperations, input: Input) {
  const stack = requireStack(account, text(input, 'StackName'));
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') {
    throw validationError(
      `Stack:${stack.id} is in ${stack.status} state and can not continue its roll-back.`,
    );
  }
  if (texts(input, 'ResourcesToSkip').length > 0) throw validationError('ResourcesToSkip is not supported');
  await runs.start(stack, input, (operation) => rollBackUpdate(operation, 'User Initiated'));
  return {};
}
