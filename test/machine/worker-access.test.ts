import { Duration } from 'aws-cdk-lib';
import { afterAll, expect, test } from 'vitest';
import {
  addBuckets,
  askWorker,
  awsWorkerDirectory,
  BUCKETS,
  fillBuckets,
  ROLE_PERMISSIONS,
} from '../support/aws-worker.ts';
import { type MachineFleet, TIMEOUT_MS } from './support/fleet.ts';
import { machineFleets } from './support/suite.ts';

const NODE = '/opt/mayfly/node/bin/node';

const { workerDirectory, remove } = awsWorkerDirectory();
afterAll(remove);

const start = machineFleets();

test("a worker on a machine has its own role, and no way to the instance's", async () => {
  // The instance has to stay after its workers have ended.
  const idleTimeout = Duration.minutes(2);
  const props = { command: ['./ask'], workerDirectory, environment: BUCKETS, idleTimeout };
  const fleet = await start(props, { around: addBuckets });
  await fillBuckets(fleet);
  const ask = (tool: string, program?: string) => askWorker(fleet, tool, program, 2 * TIMEOUT_MS);
  const [user, metadata, rights] = await Promise.all([ask('user'), ask('metadata'), ask('javascript', NODE)]);
  expect(user.trim()).toBe('mayfly-slot-1');
  // 7: could not connect; 28: no answer. With access there would be a token.
  expect(metadata).toMatch(/curl: (7|28)$/m);
  const asRoot = ['sh', '-c', 'echo metadata | /opt/mayfly/tree/worker/ask'];
  const { stdout } = await fleet.on(await fleet.instance(0), ...asRoot);
  expect(stdout).toMatch(/^\S+ curl: 0$/m);
  expect(JSON.parse(rights)).toEqual(ROLE_PERMISSIONS);
  expect(await sessionOf(fleet, 'root')).toBe('0');
  // systemd.exec(5): 224 is a refusal of PAM, which sshd and cron use as well.
  expect(await sessionOf(fleet, 'mayfly-slot-1')).toBe('224');
});

/** The exit status of a user's systemd instance. Its programs could reach the metadata, because it is outside of the slots. */
async function sessionOf(fleet: MachineFleet, user: string): Promise<string> {
  const show = 'systemctl start $unit; systemctl show --value --property=ExecMainStatus $unit';
  const args = ['sh', '-c', `unit=user@$(id -u ${user}).service; ${show}`];
  return (await fleet.on(await fleet.instance(0), ...args)).stdout.trim();
}
