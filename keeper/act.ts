import {
  CompleteLifecycleActionCommand,
  ExecutePolicyCommand,
  SetDesiredCapacityCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { type MetricDatum, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { policyNameOf } from '../aws/scaling-policy.ts';
import { changeFleetState } from '../store/fleet-state.ts';
import { answerOf } from '../policy/ladder.ts';
import type { Zombie } from '../policy/zombies.ts';
import type { KeeperConfig } from './config.ts';
import type { Hands } from './hands.ts';
import type { Action } from './plan.ts';
import { settleInstance } from './stranded.ts';

/**
 * Does what is to be done, each with a line in the log. One that fails keeps none of the others from being done, but
 * then the whole rejects with an `AggregateError`, so that the function's own errors show it.
 */
export async function act(hands: Hands, actions: readonly Action[]): Promise<void> {
  const errors: unknown[] = [];
  for (const action of actions) {
    try {
      await carryOut(hands, action);
      hands.log[action.do === 'report-breaker' ? 'debug' : 'info']({ action }, action.do);
    } catch (error) {
      hands.log.error({ action, err: error }, `${action.do} failed`);
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  throw new AggregateError(
    errors,
    `${errors.length} of ${actions.length} actions failed: ${errors.join('; ')}`,
  );
}

function carryOut(hands: Hands, action: Action): Promise<unknown> {
  const { clients, config, nowMs } = hands;
  const memory = (changes: Parameters<typeof changeFleetState>[2]) =>
    changeFleetState(clients.dynamodb, config.table, changes);
  switch (action.do) {
    case 'suspend-az-rebalance':
      return suspend(hands, 'AZRebalance');
    case 'suspend-launch':
      return suspend(hands, 'Launch');
    case 'trip-breaker':
      return suspend(hands, 'Launch').then(() => memory({ trippedAtMs: nowMs }));
    case 'reset-breaker':
      return memory({ trippedAtMs: undefined, resumedAtMs: nowMs });
    case 'report-breaker':
      return reportBreaker(hands, action.open);
    case 'wake':
      return executePolicy(hands, action.backlog).then(() => memory({ wokenAtMs: nowMs }));
    case 'remember-backlog':
      return memory({ backlogSinceMs: action.sinceMs });
    case 'remember-stall':
      return memory({ stalledSinceMs: action.sinceMs });
    case 'remember-unneeded':
      return memory({ unneededSinceMs: action.sinceMs });
    case 'end-zombie':
      return endZombie(hands, action.zombie);
    case 'terminate-retired':
      // The activity of its termination shows what was done, should the note of it fail.
      return terminate(hands, action.instance).then(() => hands.instances.accounted(action.instance, nowMs));
    case 'lower-desired':
      return lowerDesired(hands, action).then(() => memory({ loweredAtMs: nowMs }));
    case 'let-go':
      return completeHook(hands, action.instance, config.terminationHook);
    case 'settle':
      return settleInstance(hands, action.instance);
  }
}

function suspend({ clients, config }: Hands, process: string): Promise<unknown> {
  const scope = { AutoScalingGroupName: config.groupName, ScalingProcesses: [process] };
  return clients.autoScaling.send(new SuspendProcessesCommand(scope));
}

/**
 * "ExecutePolicy": for step scaling the metric's value, gross, and the threshold that it breaches. By its name, so that a
 * policy that was made again works as the first one did.
 */
function executePolicy({ clients, config }: Hands, backlog: number): Promise<unknown> {
  return clients.autoScaling.send(
    new ExecutePolicyCommand({
      AutoScalingGroupName: config.groupName,
      PolicyName: policyNameOf(config.policyArn),
      MetricValue: backlog,
      BreachThreshold: config.threshold,
    }),
  );
}

function reportBreaker({ clients, config }: Hands, open: boolean): Promise<unknown> {
  const metric: MetricDatum = {
    MetricName: 'BootBreaker',
    Dimensions: [{ Name: 'Fleet', Value: config.fleet }],
    Unit: 'None',
    Value: open ? 1 : 0,
  };
  return clients.cloudWatch.send(new PutMetricDataCommand({ Namespace: 'Mayfly', MetricData: [metric] }));
}

/** Nobody on the instance can say why it goes, so the keeper puts it on record. */
async function endZombie(hands: Hands, { instance, reason, action }: Zombie): Promise<void> {
  if (action === 'complete-launch') return completeHook(hands, instance, hands.config.launchHook);
  if (action === 'complete-termination') return completeHook(hands, instance, hands.config.terminationHook);
  const at = new Date(hands.nowMs).toISOString();
  const told = { reason, problem: problemOf(reason, hands.config), decidedAt: at, endedAt: at };
  const retirement = { ...told, idleSeconds: 0, jobsDone: 0, tries: 1 };
  const rung = await terminate(hands, instance);
  await hands.instances.retiring(instance, { ...retirement, rung }, 'instances');
}

function problemOf(reason: Zombie['reason'], { bootBudgetSeconds, silentSeconds }: KeeperConfig): string {
  return reason === 'boot-failed'
    ? `it was not ready ${bootBudgetSeconds} s after its launch`
    : `it was not heard of for ${silentSeconds} s`;
}

/** With decrement; at the group's minimum without, since an instance that is of no use must go all the same. */
async function terminate(
  { clients }: Hands,
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
    if (answerOf(error as Error) !== 'at-minimum') throw error;
    await ask(false);
    return 'terminate-without-decrement';
  }
}

async function completeHook({ clients, config }: Hands, instance: string, hook?: string): Promise<void> {
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
 * Notes for which instances the desired capacity is lowered, and then lowers it for those that were noted: a note that
 * cannot be written must not let each run lower it once more. What a failure in between leaves too high is lowered when
 * nobody needs it.
 */
async function lowerDesired(
  hands: Hands,
  { from, desired, instead }: Extract<Action, { do: 'lower-desired' }>,
): Promise<void> {
  const notes = await Promise.allSettled(
    instead.map((instance) => hands.instances.accounted(instance, hands.nowMs)),
  );
  const refused = notes.flatMap((note) => (note.status === 'rejected' ? [note.reason] : []));
  const lowered = Math.min(from, desired + refused.length);
  if (lowered < from) await setDesired(hands, lowered);
  if (refused.length > 0) throw new AggregateError(refused, `not noted: ${refused.join('; ')}`);
}

function setDesired({ clients, config }: Hands, desired: number): Promise<unknown> {
  return clients.autoScaling.send(
    new SetDesiredCapacityCommand({
      AutoScalingGroupName: config.groupName,
      DesiredCapacity: desired,
      HonorCooldown: false,
    }),
  );
}
