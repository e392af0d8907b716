import type { CloudContext, RunningService } from '../../front-door/service.ts';
import { Functions } from './functions.ts';
import { invokeOperations } from './invoke.ts';
import { Invoker } from './invoker.ts';
import { functionOperations, permissionOperations } from './operations.ts';
import { ROUTES } from './routes.ts';

export interface Lambda extends RunningService {
  /** Resolves when no event of the function is running. An event that waits for its next attempt does not count. */
  idle(functionArn: string): Promise<void>;
}

/** AWS Lambda: Node.js functions from zips, each in its own processes. */
export function createLambda(context: CloudContext): Lambda {
  const functions = new Functions();
  const invoker = new Invoker(context);
  const { operations: invocations, idle, close } = invokeOperations(context, functions, invoker);
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
    idle,
    close: async () => {
      close();
      await invoker.close();
    },
  };
}
