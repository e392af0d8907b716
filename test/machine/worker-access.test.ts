import { afterAll, expect, test } from 'vitest';
import {
  awsWorkerDirectory,
  BUCKETS,
  buckets,
  fillBuckets,
  RIGHTS_OF_ITS_ROLE,
  told,
} from '../support/aws-worker.ts';
import { PATIENCE_MS } from './support/fleet.ts';
import { machineFleets } from './support/suite.ts';

const NODE = '/opt/mayfly/node/bin/node';
const ASK_METADATA = 'curl --silent --max-time 3 --request PUT http://169.254.169.254/latest/api/token';

const { workerDirectory, remove } = awsWorkerDirectory();
afterAll(remove);

const start = machineFleets();

test("a worker on a machine has its own role, and no way to the instance's", async () => {
  const fleet = await start(
    { command: ['./ask'], workerDirectory, environment: BUCKETS },
    { around: buckets },
  );
  await fillBuckets(fleet);
  const ask = (tool: string, program?: string) => told(fleet, tool, program, PATIENCE_MS);
  const [user, metadata, rights] = await Promise.all([ask('user'), ask('metadata'), ask('javascript', NODE)]);
  expect(user.trim()).toBe('mayfly-worker');
  // 7: could not connect; 28: no answer. Whoever may ask gets a token there.
  expect(metadata).toMatch(/curl: (7|28)$/m);
  const root = await fleet.on(await fleet.instance(0), 'sh', '-c', `${ASK_METADATA}; echo " curl: $?"`);
  expect(root.stdout).toMatch(/^\S+ curl: 0$/m);
  expect(JSON.parse(rights)).toEqual(RIGHTS_OF_ITS_ROLE);
});
