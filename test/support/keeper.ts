import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import * as v from 'valibot';
import { systemClock } from '../../aws/clock.ts';
import { createLog } from '../../aws/log.ts';
import type { FleetContext } from '../../client/context.ts';
import { type KeeperConfig, type KeeperConfigInput, readKeeperConfig } from '../../keeper/config.ts';
import type { Action } from '../../keeper/plan.ts';
import { runKeeper } from '../../keeper/run.ts';
import { stepsFor } from '../../policy/steps.ts';
import { FleetFactsSchema } from '../../store/fleet-facts.ts';
import { type Fleet, GROUP, LAUNCH_HOOK, TABLE, TERMINATION_HOOK } from './agent-fleet.ts';

export interface Keeper {
  config: KeeperConfig;
  /** Runs once, as if this number of minutes had passed since the test began, with a clock that may be wrong. */
  after(minutes: number, errorMs?: number): Promise<Action['do'][]>;
  suspended(): Promise<string[]>;
}

/** The keeper of a fleet, with a time that the test sets. */
export async function createKeeper(fleet: Fleet, changes: Partial<KeeperConfigInput> = {}): Promise<Keeper> {
  const config = await configOf(fleet, changes);
  const startedMs = Date.now();
  return {
    config,
    async after(minutes, errorMs = 0) {
      const clock = { ...systemClock, now: () => startedMs + minutes * 60_000, errorMs: () => errorMs };
      const actions = await runKeeper(fleet.clients, config, clock, createLog('silent'));
      return actions.map((action) => action.do);
    },
    async suspended() {
      const { AutoScalingGroups } = await fleet.clients.autoScaling.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [GROUP] }),
      );
      return (AutoScalingGroups?.[0]?.SuspendedProcesses ?? []).map(({ ProcessName = '' }) => ProcessName);
    },
  };
}

/** The fleet context, as the command has it. */
export function createContext({ clients, queueUrl }: Fleet, clock = systemClock): FleetContext {
  const facts = v.parse(FleetFactsSchema, {
    version: 1,
    fleet: 'Test/test',
    region: 'us-east-1',
    queueUrl,
    table: TABLE,
    logBucket: 'logs',
    group: GROUP,
  });
  return { facts, clients, clock, random: Math.random };
}

async function configOf(fleet: Fleet, changes: Partial<KeeperConfigInput>): Promise<KeeperConfig> {
  const input: KeeperConfigInput = {
    version: 1,
    fleet: 'test',
    groupName: GROUP,
    policyArn: await scaleOutPolicy(fleet),
    bootBudgetSeconds: 1200,
    queueUrl: fleet.queueUrl,
    table: TABLE,
    threshold: 1,
    durationSeconds: 60,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    ...changes,
  };
  return readKeeperConfig(JSON.stringify(input));
}

/** Creates the scaling policy of the fleet. Resolves with its ARN. */
export async function scaleOutPolicy(fleet: Fleet): Promise<string> {
  const steps = stepsFor({ threshold: 1, jobsPerInstance: 1, maxCapacity: 10 });
  const { PolicyARN } = await fleet.call('autoscaling', 'PutScalingPolicy', {
    AutoScalingGroupName: GROUP,
    PolicyName: 'scale-out',
    PolicyType: 'StepScaling',
    AdjustmentType: 'ChangeInCapacity',
    EstimatedInstanceWarmup: 300,
    StepAdjustments: steps.map(({ lower, upper, change }) => ({
      MetricIntervalLowerBound: lower,
      ...(upper !== undefined && { MetricIntervalUpperBound: upper }),
      ScalingAdjustment: change,
    })),
  });
  return String(PolicyARN);
}
