import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Input } from '../../front-door/service.ts';
import type { StackAccount } from '../engine/account.ts';
import { setStackStatus } from '../engine/events.ts';
import type { StackOperation } from '../engine/operations.ts';
import type { Stack } from '../engine/stack.ts';
import { errorReason } from '../errors.ts';

/** The operations in progress, by stack. A call starts one, and it continues after the call's answer. */
export interface StackOperations {
  /**
   * Starts the work at once, so that the stack's status has changed when the call is answered. Resolves when the work
   * is done, or after a second: the CDK's CLI polls only every five seconds, and most stacks here take less than one.
   */
  start(stack: Stack, input: Input, work: (operation: StackOperation) => Promise<void>): Promise<void>;
  /** Cancels the stack's operation. Resolves when it has ended. */
  cancel(stack: Stack, reason: string): Promise<void>;
  /** Cancels every operation and waits until they have ended. */
  close(): Promise<void>;
}

/** The longest time that an answer waits for its operation. */
const WAIT_MS = 1000;

export function createStackOperations(account: StackAccount): StackOperations {
  const inProgress = new Map<string, { controller: AbortController; done: Promise<void> }>();
  return {
    async start(stack, input, work) {
      const controller = new AbortController();
      const token = input['ClientRequestToken'];
      const clientRequestToken = typeof token === 'string' && token !== '' ? token : undefined;
      const ids = { operationId: randomUUID(), clientRequestToken };
      const before = inProgress.get(stack.id)?.done ?? Promise.resolve();
      const done = work({ account, stack, ids, controller }).catch((error: unknown) => {
        // A defect of this cloud: its stack goes to stderr, and the operation ends.
        console.error(`The embedded CloudFormation failed at stack ${stack.name}:`, error);
        const verb = /^(CREATE|DELETE)/.exec(stack.status)?.[0] ?? 'UPDATE';
        setStackStatus(stack, account.context.clock, ids, `${verb}_FAILED`, errorReason(error));
      });
      const entry = { controller, done: Promise.all([before, done]).then(() => {}) };
      inProgress.set(stack.id, entry);
      const waiting = new AbortController();
      const settled = entry.done.then(() => {
        if (inProgress.get(stack.id) === entry) inProgress.delete(stack.id);
        waiting.abort();
      });
      await Promise.race([settled, delay(WAIT_MS, undefined, { signal: waiting.signal }).catch(() => {})]);
    },
    async cancel(stack, reason) {
      const entry = inProgress.get(stack.id);
      entry?.controller.abort(new Error(reason));
      await entry?.done;
    },
    async close() {
      const reason = new Error('The embedded cloud is closing');
      account.closing.abort(reason);
      for (const { controller } of inProgress.values()) controller.abort(reason);
      await Promise.all([...inProgress.values()].map(({ done }) => done));
    },
  };
}
