import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterEach, expect, it } from 'vitest';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { expectSound } from '../support/suite.ts';

const open = deployedFleets();
const LONG_MS = 300_000;
/** A minute of AWS's own periods takes three seconds. */
const SPEED = 20;
const JOBS = 8;

let fleet: DeployedFleet;
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(await fleet.failureDetails());
});

it(
  'an instance on which every worker fails leaves after one failure, which costs no attempt, and others run the jobs',
  async () => {
    fleet = await open(
      {
        maxCapacity: 2,
        // A failure that counts as an attempt would make a dead letter.
        maxAttempts: 1,
        instanceCheck: ['sh', '-c', 'test ! -e "$HOME/broken" || { echo "a package is broken"; exit 3; }'],
      },
      { speed: SPEED, timeoutMs: 120_000 },
    );
    const gate = join(fleet.directory, 'gate');
    const first = await fleet.send({ untilFile: gate }, { untilFile: gate });
    const [bad = ''] = await Promise.all(first.map((job) => fleet.ownerOf(job)));
    await writeFile(join(fleet.directory, 'instances', bad, 'disk/home/broken'), '');
    // So long that the other instance cannot do all of them before the bad one, on a busy machine, has received one.
    const orders = { shell: 'test ! -e "$HOME/broken"', sleepMs: 1000 };
    const jobs = await fleet.send(...Array.from({ length: JOBS }, () => orders));
    await writeFile(gate, '');

    for (const job of jobs) await fleet.event('end', job);
    await fleet.backToZero();
    await expectSound(fleet, { succeeded: JOBS + first.length, deadLettered: 0 });

    const { capacity, retired } = await fleet.library.describe({ retired: 20 });
    expect(capacity.desired).toBe(0);
    const problem = 'the instance check failed: exit status 3: a package is broken';
    const went = retired.find(({ instance }) => instance === bad);
    const others = retired.filter(({ instance }) => instance !== bad);
    expect(went).toMatchObject({ reason: 'unhealthy', problem, jobsDone: 1 });
    expect(others.map(({ reason }) => reason)).toEqual(others.map(() => 'idle'));
    // The other one of the first two, and the replacement of the bad one. A late alarm may launch one more.
    expect([2, 3]).toContain(others.length);

    const { findings } = await fleet.library.diagnose();
    const wrong = findings.filter(({ status }) => status !== 'ok');
    // `warn` if the replacement has done a job; it may have been launched too late for one.
    expect(wrong).toMatchObject([{ check: 'instances', status: expect.stringMatching(/^(bad|warn)$/) }]);
    expect(wrong[0]?.text).toMatch(
      new RegExp(
        `^${bad} was unhealthy after the job m-\\S+ had failed, and terminated at \\S+: ${problem}\\.$`,
      ),
    );
    expect((await fleet.mayfly('fleet')).stdout).toContain('its instanceCheck failed');
    expect(await savedLog(bad)).toMatch(/"job ended"/);
  },
  LONG_MS,
);

/** The log that the agent of an instance has saved in the log bucket. */
async function savedLog(instance: string): Promise<string> {
  const Bucket = fleet.stack.logBucket;
  const Prefix = `instances/${instance}/`;
  const { Contents = [] } = await fleet.clients.s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  const Key = Contents.map((object) => object.Key).find((key) => key?.endsWith('-unhealthy.log'));
  const { Body } = await fleet.clients.s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToString()) ?? '';
}
