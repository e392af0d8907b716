import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readInstances } from '../../checker/gather.ts';
import { type GroupCloud, startGroupCloud } from '../../local/test/support/group-cloud.ts';

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

const gathered = () => readInstances({ ec2: fleet.ec2, autoScaling: fleet.autoScaling });

test('the launch time of an instance of a group is that of Auto Scaling, to the millisecond', async () => {
  const { clock } = fleet;
  await clock.advance(10_700 - (clock.now() % 1000));
  const launchedMs = clock.now();
  await fleet.createGroup({ DesiredCapacity: 1 });
  expect(launchedMs % 1000).toBe(700);
  expect(await gathered()).toMatchObject([{ state: 'running', launchedMs }]);
});

test('the launch time of an instance without a group is that of EC2, to the second', async () => {
  const { clock } = fleet;
  await clock.advance(10_700 - (clock.now() % 1000));
  await fleet.ec2.send(new RunInstancesCommand({ ImageId: 'ami-1', MinCount: 1, MaxCount: 1 }));
  expect(await gathered()).toMatchObject([{ launchedMs: clock.now() - 700 }]);
});
