import {
  CompleteLifecycleActionCommand,
  ExecutePolicyCommand,
  SetDesiredCapacityCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { parsePolicyName } from '../aws/scaling-policy.ts';
import { classifyAnswer } from '../policy/escalation.ts';
import type { SilentInstance } from '../policy/silent-instances.ts';
import { updateFleetState } from '../store/fleet-state.ts';
import type { KeeperConfig } from './config.ts';
import type { KeeperContext } from './keeper-context.ts';
import { publishMetrics } from './metrics.ts';
import { settleOrphanedJobs } from './orphaned-jobs.ts';
import type { Action } from './plan.ts';

/**
 * Carries out all actions and logs each. If some fail the others are still carried out. Then it rejects with an
 * `AggregateError`, so that the function's error metric counts the run.
 */
export async function act(context: KeeperContext, actions: readonly Action[]): Promise<void> {
  const errors: unknown[] = [];
  for (const action of actions) {
    try {
      await carryOut(context, action);
      context.log[action.do === 'report-breaker' ? 'debug' : 'info']({ action }, action.do);
    } catch (error) {
      context.log.error({ action, err: error }, `${action.do} failed`);
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  throw new AggregateError(
    errors,
    `${errors.length} of ${actions.length} actions failed: ${errors.join('; ')}`,
  );
}

function carryOut(context: KeeperContext, action: Action): Promise<unknown> {
  const { clients, config, nowMs } = context;
  const store = (changes: Parameters<typeof updateFleetState>[2]) =>
    updateFleetState(clients.dynamodb, config.table, changes);
  switch (action.do) {
    case 'suspend-az-rebalance':
      return suspend(context, 'AZRebalance');
    case 'suspend-launch':
      return suspend(context, 'Launch');
    case 'trip-breaker':
      return suspend(context, 'Launch').then(() => store({ trippedAtMs: nowMs }));
    case 'reset-breaker':
      return store({ trippedAtMs: undefined, resumedAtMs: nowMs });
    case 'report-breaker':
      return reportBreaker(context, action.open);
    case 'execute-policy':
      return executePolicy(context, action.backlog).then(() => store({ wokenAtMs: nowMs }));
    case 'record-backlog':
      return store({ backlogSinceMs: action.sinceMs });
    case 'record-stall':
      return store({ stalledSinceMs: action.sinceMs });
    case 'record-unneeded':
      return store({ unneededSinceMs: action.sinceMs });
    case 'end-silent-instance':
      return endSilentInstance(context, action.silent);
    case 'terminate-retired':
      // If the write fails, the activity of the termination still shows that the capacity was lowered.
      return terminate(context, action.instance).then(() =>
        context.instances.markAccounted(action.instance, nowMs),
      );
    case 'lower-desired':
      return lowerDesired(context, action).then(() => store({ loweredAtMs: nowMs }));
    case 'complete-termination-hook':
      return completeHook(context, action.instance, config.terminationHook);
    case 'settle':
      return settleOrphanedJobs(context, action.instance);
  }
}

function suspend({ clients, config }: KeeperContext, process: string): Promise<unknown> {
  const scope = { AutoScalingGroupName: config.groupName, ScalingProcesses: [process] };
  return clients.autoScaling.send(new SuspendProcessesCommand(scope));
}

/**
 * "ExecutePolicy": step scaling needs the metric's value and the threshold that it breaches. The policy is found by its
 * name, which a policy that is created again keeps.
 */
function executePolicy({ clients, config }: KeeperContext, backlog: number): Promise<unknown> {
  return clients.autoScaling.send(
    new ExecutePolicyCommand({
      AutoScalingGroupName: config.groupName,
      PolicyName: parsePolicyName(config.policyArn),
      MetricValue: backlog,
      BreachThreshold: config.threshold,
    }),
  );
}

function reportBreaker(context: KeeperContext, open: boolean): Promise<unknown> {
  return publishMetrics(context, [{ MetricName: 'BootBreaker', Unit: 'None', Value: open ? 1 : 0 }]);
}

/** The agent cannot record why its instance ends, so the keeper does. */
async function endSilentInstance(
  context: KeeperContext,
  { instance, reason, action }: SilentInstance,
): Promise<void> {
  if (action === 'complete-launch') return completeHook(context, instance, context.config.launchHook);
  if (action === 'complete-termination')
    return completeHook(context, instance, context.config.terminationHook);
  const at = new Date(context.nowMs).toISOString();
  const cause = { reason, problem: describeProblem(reason, context.config), decidedAt: at, endedAt: at };
  const retirement = { ...cause, idleSeconds: 0, jobsDone: 0, tries: 1 };
  const rung = await terminate(context, instance);
  await context.instances.recordRetirement(instance, { ...retirement, rung }, 'instances');
}

function describeProblem(
  reason: SilentInstance['reason'],
  { bootBudgetSeconds, silentSeconds }: KeeperConfig,
): string {
  return reason === 'boot-failed'
    ? `it was not ready ${bootBudgetSeconds} s after its launch`
    : `it did not report for ${silentSeconds} s`;
}

/** With decrement. At the group's minimum without, because a broken instance has to end there as well. */
async function terminate(
  { clients }: KeeperContext,
  instance: string,
): Promise<'terminate' | 'terminate-without-decrement'> {
  const ask = (ShouldDecrementDesiredCapacity: boolean) =>
    clients.autoScaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: instance,
        ShouldDecrementDesiredCapacity,
      }),
    );
  try {
    await ask(true);
    return 'terminate';
  } catch (error) {
    if (classifyAnswer(error as Error) !== 'at-minimum') throw error;
    await ask(false);
    return 'terminate-without-decrement';
  }
}

async function completeHook(
  { clients, config }: KeeperContext,
  instance: string,
  hook?: string,
): Promise<void> {
  if (!hook) return;
  await clients.autoScaling.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: config.groupName,
      LifecycleHookName: hook,
      InstanceId: instance,
      LifecycleActionResult: 'CONTINUE',
    }),
  );
}

/**
 * Records for which instances the desired capacity is lowered, and then lowers it for those that were recorded.
 * Otherwise a failing write would let each run lower it again. If the run fails between the two, the capacity stays too
 * high until `judgeDemand` finds that no job needs it.
 */
async function lowerDesired(
  context: KeeperContext,
  { from, desired, instances }: Extract<Action, { do: 'lower-desired' }>,
): Promise<void> {
  const writes = await Promise.allSettled(
    instances.map((instance) => context.instances.markAccounted(instance, context.nowMs)),
  );
  const refused = writes.flatMap((write) => (write.status === 'rejected' ? [write.reason] : []));
  const lowered = Math.min(from, desired + refused.length);
  if (lowered < from) await setDesired(context, lowered);
  if (refused.length > 0) throw new AggregateError(refused, `not recorded: ${refused.join('; ')}`);
}

function setDesired({ clients, config }: KeeperContext, desired: number): Promise<unknown> {
  return clients.autoScaling.send(
    new SetDesiredCapacityCommand({
      AutoScalingGroupName: config.groupName,
      DesiredCapacity: desired,
      HonorCooldown: false,
    }),
  );
}
