import type { CloudContext, RunningService } from '../front-door/service.ts';
import { changeSetOperations } from './api/change-sets.ts';
import { describeOperations } from './api/describe.ts';
import { createStackOperations } from './api/runs.ts';
import { stackOperations } from './api/stacks.ts';
import { templateOperations } from './api/templates.ts';
import type { StackAccount } from './engine/account.ts';

/**
 * CloudFormation: the calls of `cdk deploy`, `diff` and `destroy`, and of an SDK's user. Stacks are in memory, as their
 * resources are. Resources are made through the API of the other services.
 */
export function createCloudFormation(context: CloudContext): RunningService {
  const account: StackAccount = { context, stacks: new Map(), closing: new AbortController() };
  const runs = createStackOperations(account);
  return {
    service: {
      name: 'cloudformation',
      xmlNamespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
      operations: {
        ...stackOperations(account, runs),
        ...changeSetOperations(account, runs),
        ...describeOperations(account),
        ...templateOperations(account),
      },
    },
    close: runs.close,
  };
}
