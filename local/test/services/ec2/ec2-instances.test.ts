import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Instance } from '../../../instances/launcher.ts';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

/** Instances that take as long to shut down as the test wants. Removed disks are counted. */
let cloud: TestCloud;
let powerOff: () => void;
let discarded: string[];

beforeEach(async () => {
  discarded = [];
  cloud = await startTestCloud({
    launcher: {
      launch: async () => newInstance(),
      discard: async (directory) => void discarded.push(directory),
    },
  });
});
afterEach(async () => {
  powerOff();
  await cloud.close();
});

function newInstance(): Instance {
  const gone = new Promise<{ reason: string }>((resolve) => {
    powerOff = () => resolve({ reason: 'powered off' });
  });
  const shutDown = async () => void (await gone);
  return { gone, terminate: shutDown, stop: shutDown, destroy: async () => powerOff() };
}

async function launch() {
  await cloud.call('ec2', 'RunInstances', { ImageId: 'ami-1', MinCount: 1, MaxCount: 1 });
  const [machine] = cloud.instances.all();
  if (!machine) throw new Error('nothing was launched');
  await expect.poll(() => machine.launchedInstance).toBeDefined();
  return machine;
}

test.each([
  ['while it stops', false],
  ['when it has stopped', true],
])('the disk of an instance that is terminated %s is removed', async (_, isStopped) => {
  const machine = await launch();
  cloud.instances.stop(machine);
  if (isStopped) {
    powerOff();
    await expect.poll(() => machine.state).toBe('stopped');
  }
  expect(discarded).toEqual([]);
  cloud.instances.terminate(machine);
  powerOff();
  await expect.poll(() => machine.state).toBe('terminated');
  expect(discarded).toEqual([machine.directory]);
});
