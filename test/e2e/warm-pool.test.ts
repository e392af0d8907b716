import { expect, it } from 'vitest';
import { deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';

const open = deployedFleets();

it('an instance boots, waits in the warm pool, runs a job, and another one replaces it in the pool', async () => {
  const fleet = await open({ warmPool: {} }, { timeoutMs: 60_000 });
  const { cloud, stack, library } = fleet;
  const pool = async () => {
    const input = { AutoScalingGroupName: stack.group };
    const { Instances } = await cloud.call('autoscaling', 'DescribeWarmPool', input);
    return Instances as { InstanceId: string; LifecycleState: string }[];
  };
  const stopped = (...not: string[]) =>
    eventually(
      'an instance that waits',
      async () =>
        (await pool()).find(
          ({ InstanceId, LifecycleState }) =>
            LifecycleState === 'Warmed:Stopped' && !not.includes(InstanceId),
        )?.InstanceId,
      60_000,
    );
  const first = await stopped();
  expect(cloud.instances.get(first).state).toBe('stopped');
  expect(await library.describe()).toMatchObject({
    capacity: { desired: 0 },
    instances: [{ instance: first, status: 'pooled' }],
  });
  // Once the keeper has run.
  await eventually('that all is well', async () => (await library.diagnose()).status === 'ok', 60_000);

  const [job = ''] = await fleet.send({ sleepMs: 200 });
  await fleet.event('end', job);
  const second = await stopped(first);
  await eventually('that it went', async () => !(await fleet.instances()).includes(first), 60_000);
  expect(await fleet.instances()).toEqual([second]);
  expect((await library.describe()).retired).toMatchObject([
    { instance: first, reason: 'idle', jobsDone: 1 },
  ]);
  await expectSound(fleet, { succeeded: 1, runs: 1 });

  await fleet.deleteStack();
  expect(await fleet.instances()).toEqual([]);
}, 240_000);
