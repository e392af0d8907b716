import { optionalText, text, texts } from '../../front-door/read.ts';
import type { Operation as ApiOperation, Input } from '../../front-door/service.ts';
import { isLive, listExports, listImporters, requireStack, type StackAccount } from '../engine/account.ts';
import type { Stack } from '../engine/stack.ts';
import { validationError } from '../errors.ts';
import { pageNewestFirst, pageOldestFirst } from './paging.ts';
import { resourceView, stackSummary, stackView } from './views.ts';

/** The calls that only read. */
export function describeOperations(account: StackAccount): Record<string, ApiOperation> {
  return { ...stackReads(account), ...resourceReads(account), ...exportReads(account) };
}

function stackReads(account: StackAccount): Record<string, ApiOperation> {
  return {
    DescribeStacks: {
      run(input) {
        const name = optionalText(input, 'StackName');
        const all = [...account.stacks.values()].filter(isLive);
        const { items, NextToken } = pageOldestFirst(
          input,
          name === undefined ? all : [requireStack(account, name)],
        );
        return { Stacks: items.map(stackView), NextToken };
      },
    },
    ListStacks: {
      run(input) {
        const wanted = texts(input, 'StackStatusFilter');
        const all = [...account.stacks.values()].filter(
          ({ status }) => wanted.length === 0 || wanted.includes(status),
        );
        const { items, NextToken } = pageOldestFirst(input, all);
        return { StackSummaries: items.map(stackSummary), NextToken };
      },
    },
    DescribeStackEvents: {
      run(input) {
        const { events } = requireStack(account, text(input, 'StackName'));
        const { items, NextToken } = pageNewestFirst(input, events);
        return { StackEvents: items, NextToken };
      },
    },
    DescribeEvents: { run: (input) => describeEvents(account, input) },
    // This cloud has no hooks.
    ListHookResults: { run: () => ({ HookResults: [] }) },
  };
}

function resourceReads(account: StackAccount): Record<string, ApiOperation> {
  const stackOf = (input: Input) => requireStack(account, text(input, 'StackName'));
  return {
    DescribeStackResources: { run: (input) => ({ StackResources: describedResources(account, input) }) },
    DescribeStackResource: {
      run(input) {
        const stack = stackOf(input);
        return { StackResourceDetail: requireResource(stack, text(input, 'LogicalResourceId')) };
      },
    },
    ListStackResources: {
      run(input) {
        const stack = stackOf(input);
        const { items, NextToken } = pageOldestFirst(input, [...stack.resources.values()]);
        return { StackResourceSummaries: items.map((one) => resourceView(stack, one)), NextToken };
      },
    },
  };
}

function exportReads(account: StackAccount): Record<string, ApiOperation> {
  return {
    ListExports: {
      run(input) {
        const { items, NextToken } = pageOldestFirst(input, listExports(account));
        const Exports = items.map(({ stack, name, value }) => {
          return { ExportingStackId: stack.id, Name: name, Value: value };
        });
        return { Exports, NextToken };
      },
    },
    ListImports: {
      run(input) {
        const name = text(input, 'ExportName');
        const importers = listImporters(account, name);
        if (importers.length === 0) throw validationError(`Export '${name}' is not imported by any stack.`);
        return { Imports: importers };
      },
    },
  };
}

function requireResource(stack: Stack, logicalId: string) {
  const resource = stack.resources.get(logicalId);
  if (resource) return resourceView(stack, resource);
  throw validationError(`Resource ${logicalId} does not exist for stack ${stack.name}`);
}

function describedResources(account: StackAccount, input: Input) {
  const logicalId = optionalText(input, 'LogicalResourceId');
  const physicalId = optionalText(input, 'PhysicalResourceId');
  const name = optionalText(input, 'StackName');
  const owner = [...account.stacks.values()].find(
    (stack) => isLive(stack) && [...stack.resources.values()].some((one) => one.physicalId === physicalId),
  );
  if (name === undefined && !owner)
    throw validationError(`Stack for ${physicalId ?? 'nothing'} does not exist`);
  const stack = name === undefined && owner ? owner : requireStack(account, name ?? '');
  if (logicalId !== undefined) return [requireResource(stack, logicalId)];
  return [...stack.resources.values()].map((one) => resourceView(stack, one));
}

/** The events of a change set's early validation, or of the stack's operations. */
function describeEvents(account: StackAccount, input: Input) {
  const changeSetName = optionalText(input, 'ChangeSetName');
  const name = optionalText(input, 'StackName');
  const stacks = name === undefined ? [...account.stacks.values()] : [requireStack(account, name)];
  const sets = stacks.flatMap((stack) =>
    [...stack.changeSets.values()].map((changeSet) => ({ stack, changeSet })),
  );
  if (changeSetName === undefined) return { OperationEvents: stacks[0]?.events ?? [] };
  const found = sets.find(({ changeSet }) => [changeSet.id, changeSet.name].includes(changeSetName));
  const problems = found?.changeSet.problems ?? [];
  return {
    OperationEvents: problems.map(({ logicalId, type, path, message }, index) => ({
      EventId: `${found?.changeSet.id}/${index}`,
      StackId: found?.stack.id,
      EventType: 'VALIDATION_ERROR',
      LogicalResourceId: logicalId,
      ResourceType: type,
      ValidationName: 'PROPERTY_VALIDATION',
      ValidationStatus: 'FAILED',
      ValidationFailureMode: 'FAIL',
      ValidationStatusReason: message,
      ValidationPath: `/Resources/${logicalId}/Properties${path}`,
    })),
  };
}
