import { afterEach, expect, test } from 'vitest';
import { AwsClock } from '../../aws/aws-clock.ts';
import { type Clients, createClients } from '../../aws/clients.ts';
import { type Clock, systemClock } from '../../aws/clock.ts';
import { createLog } from '../../aws/log.ts';
import { resumeFleet } from '../../client/instances/pause.ts';
import { runKeeper } from '../../keeper/run.ts';
import { readFleetState } from '../../store/fleet-state.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { type Fleet, GROUP, LONG_RETIREMENT, openFleet, startAgent, TABLE } from '../support/agent-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { createContext, createKeeper } from '../support/keeper.ts';

const MINUTE = 60_000;
const open = openFleet();
const made: Clients[] = [];
afterEach(() => {
  for (const clients of made.splice(0)) clients.destroy();
});

interface Machine {
  clock: Clock;
  clients: Clients;
}

/** A machine whose clock is wrong by this many minutes. Its calls are signed with the test's own time. */
function machine(fastMinutes: number): Machine {
  const now = () => Date.now() + fastMinutes * MINUTE;
  const clock = new AwsClock({ ...systemClock, now, machineNow: now });
  const learn = (date: string | undefined, startMs: number) => clock.learn(date, startMs);
  const clients = createClients('us-east-1', { ...systemClock, learn });
  made.push(clients);
  return { clock, clients };
}

/** One run of the keeper on its own machine. It ends every instance that does not report for ten seconds. */
async function runElsewhere(fleet: Fleet, fastMinutes: number): Promise<string[]> {
  const { config } = await createKeeper(fleet);
  const { clients, clock } = machine(fastMinutes);
  const hasty = { ...config, bootBudgetSeconds: 0, silentSeconds: 10 };
  const actions = await runKeeper(clients, hasty, clock, createLog('silent'));
  return actions.map((action) => action.do);
}

test.each([
  [-20, 0],
  [20, 0],
  [0, -20],
  [0, 20],
  [-20, 20],
])(
  'a working instance is not ended if its clock is %i minutes fast and the keeper’s %i',
  async (agent, keeper) => {
    const fleet = await open();
    const { instance, work, lifecycle } = await startAgent(fleet, {
      ...machine(agent),
      config: { retirement: LONG_RETIREMENT },
    });
    await eventually('its reports', async () => {
      const { forecast, bootSeconds } = await fleet.instanceRecord(instance);
      return forecast && bootSeconds !== undefined;
    });
    expect(await runElsewhere(fleet, keeper)).toEqual(['suspend-az-rebalance', 'report-breaker']);
    const { reportedAtMs = 0, bootSeconds = Number.NaN } = await fleet.instanceRecord(instance);
    expect(Math.abs(Date.now() - reportedAtMs)).toBeLessThan(MINUTE);
    expect(bootSeconds).toBeGreaterThanOrEqual(0);
    expect(bootSeconds).toBeLessThan(60);
    await lifecycle.stop();
    await work.drain(0);
  },
);

test.each([
  [-20, 20],
  [20, -20],
])(
  'after an operator whose clock is %i minutes fast resumes, boots count from that time',
  async (operator, keeper) => {
    const fleet = await open({ desired: 3 });
    await failBoots(fleet, 3);
    expect(await runElsewhere(fleet, keeper)).toContain('trip-breaker');

    const { clock, clients } = machine(operator);
    await resumeFleet({ ...createContext(fleet, clock), clients });
    expect(await runElsewhere(fleet, keeper)).not.toContain('trip-breaker');

    await eventually('the second of the resumption to be over', async () => {
      const { resumedAtMs = Number.POSITIVE_INFINITY } = await readFleetState(fleet.clients.dynamodb, TABLE);
      return Date.now() > resumedAtMs;
    });
    await fleet.call('autoscaling', 'SetDesiredCapacity', {
      AutoScalingGroupName: GROUP,
      DesiredCapacity: 6,
    });
    await failBoots(fleet, 6);
    expect(await runElsewhere(fleet, keeper)).toContain('trip-breaker');
  },
);

/** Instances that could not start a worker. */
async function failBoots(fleet: Fleet, count: number): Promise<void> {
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  const at = new Date().toISOString();
  const why = { reason: 'worker-missing', rung: 'terminate', decidedAt: at, endedAt: at } as const;
  for (const { instanceId } of await fleet.launcher.booted(count)) {
    await store.recordReport(instanceId, Date.now());
    await store.recordRetirement(instanceId, { ...why, idleSeconds: 0, jobsDone: 0, tries: 1 }, 'instances');
  }
}
