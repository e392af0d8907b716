import {
  CompleteLifecycleActionCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { sleepUnlessAborted } from '../../lib/sleep.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { autoScalingRetryMs, classifyAnswer } from '../../policy/escalation.ts';
import type { InstanceContext } from './instance-context.ts';

const CALL_MS = 15_000;
/** A lifecycle action begins a moment after the call that causes it ("Complete a lifecycle action"). */
const MAX_RETRY_DELAY_MS = 5000;

/**
 * Completes a lifecycle action with CONTINUE. Auto Scaling refuses with the same message before and after the wait state,
 * so the call is repeated until `forMs` have passed. Returns whether it was accepted.
 */
export async function completeLifecycleHook(
  self: InstanceContext,
  hook: string | undefined,
  forMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, log, groupName, identity } = self;
  if (!hook || !groupName) return true;
  const command = new CompleteLifecycleActionCommand({
    AutoScalingGroupName: groupName,
    LifecycleHookName: hook,
    InstanceId: identity.instanceId,
    LifecycleActionResult: 'CONTINUE',
  });
  const started = clock.monotonic();
  for (let failures = 1; ; failures++) {
    self.supervisor.recordAttempt();
    try {
      await withTimeout(clock, CALL_MS, (abortSignal) =>
        self.clients.autoScaling.send(command, { abortSignal: AbortSignal.any([abortSignal, signal]) }),
      );
      log.info({ hook }, 'lifecycle action completed');
      return true;
    } catch (error) {
      const leftMs = forMs - (clock.monotonic() - started);
      const denied = classifyAnswer(error as Error) === 'refused' && !isInactive(error);
      log.debug({ hook, err: error, leftMs }, 'lifecycle action not completed yet');
      if (denied) log.error({ hook, err: error }, 'lifecycle action cannot be completed');
      if (denied || leftMs <= 0) return false;
      const delayMs = Math.min(leftMs, MAX_RETRY_DELAY_MS, autoScalingRetryMs(failures, self.random()));
      if (!(await sleepUnlessAborted(clock, delayMs, signal))) return false;
    }
  }
}

/** "No active Lifecycle Action found with instance ID": the instance is not in the wait state, not yet or not any more. */
function isInactive(error: unknown): boolean {
  return error instanceof Error && /no active lifecycle action/i.test(error.message);
}

/**
 * Keeps the instance in its wait state until the signal is aborted, with a heartbeat every `reportSeconds`. AWS terminates
 * the instance after 48 hours or 100 time-outs of the hook ("Amazon EC2 Auto Scaling lifecycle hooks").
 */
export async function sendHookHeartbeats(
  self: InstanceContext,
  hook: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new RecordLifecycleActionHeartbeatCommand({
    AutoScalingGroupName: self.groupName,
    LifecycleHookName: hook,
    InstanceId: self.identity.instanceId,
  });
  do {
    self.supervisor.recordAttempt();
    try {
      await self.clients.autoScaling.send(command, { abortSignal: signal });
    } catch (error) {
      if (!signal.aborted) self.log.warn({ hook, err: error }, 'heartbeat of the termination hook failed');
    }
  } while (await sleepUnlessAborted(self.clock, self.config.reportSeconds * 1000, signal));
}
