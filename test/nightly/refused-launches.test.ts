import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { paginateDescribeScalingActivities } from '@aws-sdk/client-auto-scaling';
import { Duration } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { findLaunchedInstance } from '../../aws/scaling-activity.ts';
import { readFleetState } from '../../demo/watch.ts';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';

const startFleet = deployedFleets();
const ROOM = 2;
const JOBS = 8;
/** All jobs run at once on two instances, although eight are desired. */
const PROPS = {
  ...{ concurrency: JOBS / ROOM, maxCapacity: JOBS, scaleOut: { jobsPerInstance: 1 } },
  // Long enough that no lease ends on a busy machine: a requeued job would count as demand.
  lease: Duration.seconds(60),
};
const QUOTA = `You have requested more vCPU capacity than your current vCPU limit of ${ROOM} allows`;

it('instances that EC2 refused are not launched later for an empty queue', async () => {
  const fleet = await startFleet(PROPS, { speed: 20, timeoutMs: 60_000 });
  refuseBeyond(fleet, ROOM);
  const go = join(fleet.directory, 'go');
  const jobs = await fleet.send(...Array.from({ length: JOBS }, () => ({ untilFile: go })));
  for (const job of jobs) await fleet.event('start', job);
  expect(await desired(fleet)).toBe(JOBS);

  const atOnce = await fleet.library.diagnose();
  const { text = '' } =
    atOnce.findings.find(({ check, status }) => check === 'launches' && status === 'bad') ?? {};
  expect(text).toMatch(new RegExp(`^The last \\d+ launches have failed since .*: ${QUOTA}`));

  // Real minutes: the speed of the cloud does not change the keeper's periods.
  await eventually('the demand to be dropped', async () => (await desired(fleet)) === ROOM, 240_000);
  const { stdout } = await fleet.mayfly('fleet');
  expect(stdout).toContain(`${ROOM} desired, of 0 to ${JOBS}`);
  expect(stdout).toContain(QUOTA);

  await writeFile(go, '');
  await fleet.backToZero();
  expect(await launches(fleet)).toHaveLength(ROOM);
  await expectSound(fleet, { succeeded: JOBS, runs: JOBS });
}, 420_000);

/** EC2 launches an instance only while fewer than `room` run, like the quota of an account. */
function refuseBeyond({ cloud }: DeployedFleet, room: number): void {
  let granted = 0;
  cloud.faults.add({
    ...{ service: 'ec2', action: 'RunInstances', caller: 'cloud' },
    when: () => {
      const gone = cloud.instances.all().filter(({ state }) => state === 'terminated').length;
      if (granted - gone >= room) return true;
      granted += 1;
      return false;
    },
    effect: { kind: 'error', code: 'VcpuLimitExceeded', message: QUOTA, status: 400 },
  });
}

async function desired({ clients, stack }: DeployedFleet): Promise<number> {
  return (await readFleetState(clients, stack.queueUrl, stack.group)).desired;
}

async function launches({ clients, stack }: DeployedFleet): Promise<string[]> {
  const pages = paginateDescribeScalingActivities(
    { client: clients.autoScaling },
    { AutoScalingGroupName: stack.group },
  );
  const instances: string[] = [];
  for await (const { Activities = [] } of pages) {
    instances.push(...Activities.flatMap((activity) => findLaunchedInstance(activity) ?? []));
  }
  return instances;
}
