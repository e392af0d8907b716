import { randomUUID } from 'node:crypto';
import { optionalBoolean, optionalChoice, optionalText, text } from '../../front-door/read.ts';
import { type Operation as ApiOperation, AwsError, type Input } from '../../front-door/service.ts';
import { addStack, findStack, requireStack, type StackAccount } from '../engine/account.ts';
import { type Plan, planDeployment } from '../engine/plan.ts';
import type { ChangeSet, Stack } from '../engine/stack.ts';
import { validationError } from '../errors.ts';
import { changeView } from './change-view.ts';
import type { StackOperations } from './runs.ts';
import {
  newStackName,
  refuseOtherModes,
  refuseUnlessUpdatable,
  startCreation,
  startUpdate,
} from './stacks.ts';
import { readTarget } from './submission.ts';
import { isoTime, parameterViews } from './views.ts';

/** Change sets, which `cdk deploy` and `cdk diff` use. They are complete when the call is answered. */
export function changeSetOperations(
  account: StackAccount,
  runs: StackOperations,
): Record<string, ApiOperation> {
  return {
    CreateChangeSet: { run: (input) => createChangeSet(account, input) },
    DescribeChangeSet: { run: (input) => describeChangeSet(account, input) },
    ExecuteChangeSet: { run: (input) => executeChangeSet(account, runs, input) },
    DeleteChangeSet: { run: (input) => deleteChangeSet(account, input) },
    ListChangeSets: {
      run(input) {
        const stack = requireStack(account, text(input, 'StackName'));
        return { Summaries: [...stack.changeSets.values()].map((changeSet) => summary(stack, changeSet)) };
      },
    },
  };
}

async function createChangeSet(account: StackAccount, input: Input) {
  refuseOtherModes(input);
  const name = text(input, 'ChangeSetName');
  const type = optionalChoice(input, 'ChangeSetType', ['CREATE', 'UPDATE']) ?? 'UPDATE';
  const stack =
    type === 'CREATE' ? stackUnderReview(account, input) : requireStack(account, text(input, 'StackName'));
  if (type === 'UPDATE') refuseUnlessUpdatable(stack);
  const target = await readTarget(account, input, stack);
  const plan = await planDeployment(account, stack, target);
  if (stack.changeSets.has(name)) {
    throw new AwsError(
      'AlreadyExistsException',
      `ChangeSet ${name} cannot be created due to a mismatch with existing attribute Name`,
    );
  }
  const { region, accountId, clock } = account.context;
  const changeSet: ChangeSet = {
    id: `arn:aws:cloudformation:${region}:${accountId}:changeSet/${name}/${randomUUID()}`,
    ...{ name, type, target },
    description: optionalText(input, 'Description'),
    createdAtMs: clock.now(),
    ...outcome(plan),
    ...{ changes: plan.changes, problems: plan.problems },
  };
  if (!account.stacks.has(stack.id)) account.stacks.set(stack.id, stack);
  stack.changeSets.set(name, changeSet);
  return { Id: changeSet.id, StackId: stack.id };
}

/** The stack in REVIEW_IN_PROGRESS for a change set of type CREATE. It is created if there is none yet. */
function stackUnderReview(account: StackAccount, input: Input): Stack {
  const name = newStackName(account, input);
  return findStack(account, name) ?? addStack(account, name, {});
}

function outcome(plan: Plan): Pick<ChangeSet, 'status' | 'executionStatus'> & { reason?: string } {
  const failed = { status: 'FAILED', executionStatus: 'UNAVAILABLE' } as const;
  if (plan.problems.length > 0) {
    const reason =
      'The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early ' +
      'Validation errors, use the DescribeEvents API for detailed failure information.';
    return { ...failed, reason };
  }
  if (!plan.hasChanges) {
    const reason =
      "The submitted information didn't contain changes. Submit different information to create a change set.";
    return { ...failed, reason };
  }
  return { status: 'CREATE_COMPLETE', executionStatus: 'AVAILABLE' };
}

interface Found {
  stack: Stack;
  changeSet: ChangeSet;
}

function find(account: StackAccount, input: Input): Found | undefined {
  const wanted = text(input, 'ChangeSetName');
  const stackName = optionalText(input, 'StackName');
  const stacks = stackName === undefined ? [...account.stacks.values()] : [requireStack(account, stackName)];
  for (const stack of stacks) {
    for (const changeSet of stack.changeSets.values()) {
      if (changeSet.id === wanted || changeSet.name === wanted) return { stack, changeSet };
    }
  }
  return undefined;
}

function requireChangeSet(account: StackAccount, input: Input): Found {
  const found = find(account, input);
  if (found) return found;
  const name = text(input, 'ChangeSetName');
  throw new AwsError('ChangeSetNotFound', `ChangeSet [${name}] does not exist`, 404);
}

function describeChangeSet(account: StackAccount, input: Input) {
  const { stack, changeSet } = requireChangeSet(account, input);
  const withValues = optionalBoolean(input, 'IncludePropertyValues') ?? false;
  const { target } = changeSet;
  return {
    ...summary(stack, changeSet),
    Parameters: parameterViews(target.parameters),
    NotificationARNs: target.notificationArns,
    Capabilities: target.capabilities,
    Tags: target.tags,
    Changes: changeSet.changes.map((change) => changeView(change, withValues)),
  };
}

function summary(stack: Stack, changeSet: ChangeSet) {
  return {
    StackId: stack.id,
    StackName: stack.name,
    ChangeSetId: changeSet.id,
    ChangeSetName: changeSet.name,
    Description: changeSet.description,
    CreationTime: isoTime(changeSet.createdAtMs),
    Status: changeSet.status,
    StatusReason: changeSet.reason,
    ExecutionStatus: changeSet.executionStatus,
    IncludeNestedStacks: false,
  };
}

async function executeChangeSet(account: StackAccount, runs: StackOperations, input: Input) {
  const { stack, changeSet } = requireChangeSet(account, input);
  if (changeSet.executionStatus !== 'AVAILABLE') {
    throw new AwsError(
      'InvalidChangeSetStatus',
      `ChangeSet [${changeSet.id}] cannot be executed in its current status of [${changeSet.status}]`,
    );
  }
  if (changeSet.type === 'UPDATE') refuseUnlessUpdatable(stack);
  else if (stack.status !== 'REVIEW_IN_PROGRESS') {
    throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be created.`);
  }
  // The other change sets were made for the stack as it was before.
  stack.changeSets.clear();
  if (changeSet.type === 'CREATE') {
    const disabled = optionalBoolean(input, 'DisableRollback') ?? false;
    stack.disableRollback = disabled;
    await startCreation(account, runs, stack, input, changeSet.target, disabled ? 'DO_NOTHING' : 'ROLLBACK');
  } else {
    await startUpdate(account, runs, stack, input, changeSet.target);
  }
  return {};
}

/** Succeeds if there is no such change set, as in AWS. */
function deleteChangeSet(account: StackAccount, input: Input) {
  const found = find(account, input);
  if (found) found.stack.changeSets.delete(found.changeSet.name);
  return {};
}
