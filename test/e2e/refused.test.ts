import { Duration } from 'aws-cdk-lib';
import { afterEach, expect, it } from 'vitest';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';

const startFleet = deployedFleets();
const LONG_MS = 300_000;
/** A minute of AWS's own periods takes three seconds. */
const SPEED = 20;

let fleet: DeployedFleet;
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(await fleet.failureDetails());
});

it(
  'launches about three instances, and no more, when AWS denies every receive',
  async () => {
    fleet = await startFleet({ refusalTimeout: Duration.seconds(2) }, { speed: SPEED });
    const said = 'User is not authorized to perform: sqs:receivemessage on resource: the queue';
    const denial = fleet.cloud.faults.add({
      service: 'sqs',
      action: 'ReceiveMessage',
      when: (_, { caller }) => caller.kind === 'role' && caller.sessionName.startsWith('i-'),
      effect: { kind: 'error', code: 'AccessDenied', message: said, status: 403 },
    });
    const jobs = await fleet.send(...Array.from({ length: 8 }, () => ({ sleepMs: 10 })));

    const view = await eventually(
      'the fleet to launch no more instances, and to have none',
      async () => {
        const now = await fleet.library.describe({ retired: 20 });
        const { launches, capacity, instances } = now;
        return launches.reason === 'breaker' && capacity.desired + instances.length === 0 && now;
      },
      240_000,
    );
    // The limit of the breaker, and those that were launched with the third or right after it.
    expect(view.retired.length).toBeGreaterThanOrEqual(3);
    expect(view.retired.length).toBeLessThanOrEqual(6);
    for (const { reason, problem, jobsDone } of view.retired) {
      expect({ reason, problem, jobsDone }).toEqual({
        reason: 'cannot-receive',
        problem: `AccessDenied: ${said}`,
        jobsDone: 0,
      });
    }
    const { findings } = await fleet.library.diagnose();
    const launches = findings.find(({ check }) => check === 'launches');
    expect(launches?.status).toBe('bad');
    expect(launches?.text).toContain(`The last instances could not receive jobs: AccessDenied: ${said}`);
    expect((await fleet.mayfly('fleet')).stdout).toContain('could not receive jobs: AccessDenied');

    denial.remove();
    await fleet.library.resume();
    for (const job of jobs) await fleet.event('end', job);
    await fleet.backToZero(60_000);
    const verdict = await fleet.judge();
    expect(verdict.counts).toMatchObject({ succeeded: 8 });
  },
  LONG_MS,
);
