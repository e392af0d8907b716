import {
  CompleteLifecycleActionCommand,
  DescribeLifecycleHooksCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { answerOf, backoffMs } from '../../policy/ladder.ts';
import { type Self, slept, within } from './self.ts';

const CALL_MS = 15_000;
/** Heartbeats while the hook's own time-out is unknown. */
const UNKNOWN_TIMEOUT_MS = 60_000;
/** "Complete a lifecycle action": the action begins a moment after the call that causes it. */
const LONGEST_RETRY_MS = 5000;

/**
 * Completes a lifecycle action with CONTINUE. Auto Scaling refuses until the instance is in the wait state and once
 * it has left it, with the same words; so it is asked again until `forMs` are over. Tells whether it was accepted.
 */
export async function completeHook(
  self: Self,
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
    try {
      await within(clock, CALL_MS, (abortSignal) =>
        self.clients.autoScaling.send(command, { abortSignal: AbortSignal.any([abortSignal, signal]) }),
      );
      log.info({ hook }, 'lifecycle action completed');
      return true;
    } catch (error) {
      const leftMs = forMs - (clock.monotonic() - started);
      const denied = answerOf(error as Error) === 'refused' && !isInactive(error);
      log.debug({ hook, err: error, leftMs }, 'lifecycle action not completed yet');
      if (denied) log.error({ hook, err: error }, 'lifecycle action cannot be completed');
      if (denied || leftMs <= 0) return false;
      const pauseMs = Math.min(leftMs, LONGEST_RETRY_MS, backoffMs(failures, self.random()));
      if (!(await slept(clock, pauseMs, signal))) return false;
    }
  }
}

/** "No active Lifecycle Action found with instance ID": not yet, or not any more, in the wait state. */
function isInactive(error: unknown): boolean {
  return error instanceof Error && /no active lifecycle action/i.test(error.message);
}

export interface HookTimes {
  /** The wait state ends this long after its begin or the last heartbeat. */
  timeoutMs: number;
  /** However many heartbeats: the smaller of 48 h and 100 time-outs. */
  globalMs: number;
}

/** The times of a hook, or undefined if it cannot be seen. */
export async function hookTimes(self: Self, hook: string): Promise<HookTimes | undefined> {
  if (!self.groupName) return undefined;
  try {
    const command = new DescribeLifecycleHooksCommand({
      AutoScalingGroupName: self.groupName,
      LifecycleHookNames: [hook],
    });
    const { LifecycleHooks } = await within(self.clock, CALL_MS, (abortSignal) =>
      self.clients.autoScaling.send(command, { abortSignal }),
    );
    const seconds = LifecycleHooks?.[0]?.HeartbeatTimeout;
    if (seconds === undefined) return undefined;
    const globalSeconds = LifecycleHooks?.[0]?.GlobalTimeout ?? Math.min(172_800, 100 * seconds);
    return { timeoutMs: seconds * 1000, globalMs: globalSeconds * 1000 };
  } catch (error) {
    self.log.warn({ hook, err: error }, 'cannot see the hook’s time-out');
    return undefined;
  }
}

/** Keeps the instance in its wait state, three heartbeats a time-out, until the signal is given. */
export async function keepWaiting(
  self: Self,
  hook: string,
  times: HookTimes | undefined,
  signal: AbortSignal,
): Promise<void> {
  const command = new RecordLifecycleActionHeartbeatCommand({
    AutoScalingGroupName: self.groupName,
    LifecycleHookName: hook,
    InstanceId: self.identity.instanceId,
  });
  while (await slept(self.clock, (times?.timeoutMs ?? UNKNOWN_TIMEOUT_MS) / 3, signal)) {
    try {
      await self.clients.autoScaling.send(command, { abortSignal: signal });
    } catch (error) {
      if (!signal.aborted) self.log.warn({ hook, err: error }, 'heartbeat of the termination hook failed');
    }
  }
}
