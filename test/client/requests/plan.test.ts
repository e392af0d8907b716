import { expect, test } from 'vitest';
import { RequestConflictError, WrongOptionError } from '../../../client/errors.ts';
import type { TargetGroup } from '../../../client/index.ts';
import { bareFleets } from '../../support/bare-fleet.ts';

const open = bareFleets();

function groupOf(name: string, count: number, size = count): TargetGroup {
  const targets = Array.from({ length: count }, (_, at) => ({
    target: `${name}.${at + 1}`,
    body: 'x',
    index: at + 1,
  }));
  return { name, size, targets };
}

test('a plan has the lanes that its groups have now, by the size that the request states, and writes nothing', async () => {
  const { fleet, cloud } = await open();
  await fleet.groups.set('plan/a', { lanes: '50%', size: 2 });
  await fleet.groups.pause('plan/b');
  await fleet.enqueue('x', { group: 'plan/a' });
  await fleet.enqueue('x', { group: 'plan/a' });
  const writes: string[] = [];
  const stop = cloud.onCall(({ service, action }) => writes.push(`${service}:${action}`));
  const plan = await fleet.requests.plan([groupOf('plan/a', 3, 6), groupOf('plan/b', 1)], {
    serial: [0],
    throttle: 2,
  });
  stop();
  expect(new Set(writes)).toEqual(new Set(['dynamodb:BatchGetItem']));
  expect(plan).toMatchObject({
    count: 4,
    exists: false,
    policy: { serial: [0], throttle: 2 },
    groups: [
      {
        ...{ name: 'plan/a', size: 6, lanes: 3, setting: '50%', atOnce: 2, running: 1, held: 1 },
        notes: [
          'A serial of 0 means all targets that are left, as in Ansible.',
          'A batch of 3 does not run all at once: 2 at a time.',
        ],
        batches: [{ number: 1, targets: [{ lane: 1 }, { lane: 2 }, { lane: 1, turn: 2 }] }],
      },
      { name: 'plan/b', lanes: 1, setting: 1, running: 0, held: 0, halted: 'paused' },
    ],
  });
  expect(plan.groups[0]).not.toHaveProperty('halted');
});

test('a plan says whether the request is there already, and refuses the id of another', async () => {
  const { fleet } = await open();
  const groups = [groupOf('plan/c', 2)];
  await fleet.request(groups, { id: 'plan-1' });
  expect(await fleet.requests.plan(groups, { id: 'plan-1' })).toMatchObject({ exists: true });
  expect(await fleet.requests.plan(groups, { id: 'plan-2' })).toMatchObject({ exists: false });
  await expect(fleet.requests.plan(groups, { id: 'plan-1', throttle: 2 })).rejects.toThrow(
    RequestConflictError,
  );
});

test('a plan refuses what the request would refuse', async () => {
  const { fleet } = await open();
  const error = await fleet.requests.plan([groupOf('plan/d', 1)], { healthy: 'http' }).catch((one) => one);
  expect(error).toBeInstanceOf(WrongOptionError);
  expect(error.message).toContain('has no such command');
});

test('amounts that a program without types gives as texts count as what was checked', async () => {
  const { fleet } = await open();
  expect(await fleet.groups.set('plan/d', { lanes: '12' as never, size: 40 })).toMatchObject({
    lanes: 12,
    setting: 12,
  });
  const texts = { serial: ['10', ' 25% '] as never, maxFail: '2' as never };
  const plan = await fleet.requests.plan([groupOf('plan/d', 40)], texts);
  expect(plan.policy).toMatchObject({ serial: [10, '25%'], maxFail: 2 });
  expect(plan.groups[0]?.batches.map(({ targets }) => targets.length)).toEqual([10, 10, 10, 10]);
  expect(plan.groups[0]?.batches[0]?.stopsAtFailure).toBe(3);
});

test.each<[object, string]>([
  [{ serial: ['x'] }, "serial has 'x'"],
  [{ maxFail: '1.5%' }, "maxFail is '1.5%'"],
  [{ keepGoing: true, maxFail: 1 }, '`keepGoing` and `maxFail` exclude each other'],
])('with %j no plan is made', async (options, problem) => {
  const { fleet } = await open();
  const planned = fleet.requests.plan([groupOf('plan/e', 1)], options);
  await expect(planned).rejects.toThrow(WrongOptionError);
  await expect(planned).rejects.toThrow(problem);
});
