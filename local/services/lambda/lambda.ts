import type { CloudContext, RunningService } from '../../front-door/service.ts';
import { Functions } from './functions.ts';
import { invokeOperations } from './invoke.ts';
import { Invoker } from './invoker.ts';
import { functionOperations, permissionOperations } from './operations.ts';
import { ROUTES } from './routes.ts';

/** AWS Lambda: Node.js functions from zips, each in processes of its own. */
export function createLambda(context: CloudContext): RunningService {
  const functions = new Functions();
  const invoker = new Invoker(context);
  const { operations: invocations, close } = invokeOperations(context, functions, invoker);
  return {
    service: {
      name: 'lambda',
      routes: ROUTES,
      operations: {
        ...functionOperations(context, functions, invoker),
        ...permissionOperations(context, functions),
        ...invocations,
      },
    },
    close: async () => {
      close();
      await invoker.close();
    },
  };
}
