import type { Activity } from '@aws-sdk/client-auto-scaling';
import { expect, test } from 'vitest';
import { findRefusedLaunches } from '../../../client/instances/refused-launches.ts';

const at = (second: number) => new Date(second * 1000);

const refused = (second: number): Activity => ({
  ...({
    Description: 'Launching a new EC2 instance.  Status Reason: no room',
    StatusCode: 'Failed',
  } as Activity),
  ...{ StatusMessage: `no room at ${second}`, StartTime: at(second), EndTime: at(second + 1) },
});
const accepted = (second: number): Activity => ({
  ...({ Description: `Launching a new EC2 instance: i-0${second}`, StatusCode: 'InProgress' } as Activity),
  StartTime: at(second),
});
const asked = (second: number): Activity => ({
  ...({ Description: 'Launching a new EC2 instance', StatusCode: 'PreInService' } as Activity),
  StartTime: at(second),
});
const ended = (second: number): Activity => ({
  ...({ Description: `Terminating EC2 instance: i-0${second}`, StatusCode: 'Successful' } as Activity),
  ...{ StartTime: at(second), EndTime: at(second + 1) },
});
const unhealthy = (second: number, reason: string): Activity => ({
  ...accepted(second),
  Description:
    `Launching a new EC2 instance: i-0${second}.  Status Reason: Instance became unhealthy while waiting for instance to ` +
    `be in InService state. Termination Reason: ${reason}`,
  ...{ StatusCode: 'Cancelled', EndTime: at(second + 1) },
});
const died = (second: number) => unhealthy(second, `Client.InternalError: no room at ${second}`);
const switchedOff = (second: number) =>
  unhealthy(second, 'Client.InstanceInitiatedShutdown: Instance initiated shutdown');
const pooled = (second: number): Activity => ({
  ...accepted(second),
  Description: `Launching a new EC2 instance into warm pool: i-0${second}`,
});

test.each<[name: string, activities: Activity[], expected: object | undefined]>([
  ['nothing was launched', [], undefined],
  ['all was accepted', [accepted(2), accepted(1)], undefined],
  ['the last was refused', [refused(9), accepted(1)], { at: 9, times: 1, since: 9 }],
  [
    'several in a row, with an instance that ended in between',
    [refused(9), ended(8), refused(5), refused(4), accepted(1), refused(0)],
    { at: 9, times: 3, since: 4 },
  ],
  [
    'the next attempt is under way',
    [asked(30), refused(9), refused(5), accepted(1)],
    { at: 9, times: 2, since: 5 },
  ],
  ['a later one was accepted', [accepted(30), refused(9), refused(5)], undefined],
  [
    'one was accepted beside it, as far as the room went',
    [accepted(10), refused(9), refused(9), accepted(9)],
    { at: 9, times: 2, since: 9 },
  ],
  [
    'instances died as they were launched, before they ran',
    [died(9), ended(8), died(5), accepted(1)],
    { at: 9, times: 2, since: 5 },
  ],
  ['an instance that switched itself off was accepted', [switchedOff(30), refused(9)], undefined],
  ['one went into the warm pool since', [pooled(30), refused(9)], { at: 9, times: 1, since: 9 }],
])('%s', (_name, activities, expected) => {
  expect(told(findRefusedLaunches(activities, true))).toEqual(expected);
});

test('the first refusal is known only if a launch was accepted before it, or if these are all activities', () => {
  const row = [refused(9), refused(5)];
  expect(told(findRefusedLaunches(row, true))).toEqual({ at: 9, times: 2, since: 5 });
  expect(told(findRefusedLaunches(row, false))).toEqual({ at: 9, times: 2 });
  expect(told(findRefusedLaunches([...row, accepted(1)], false))).toEqual({ at: 9, times: 2, since: 5 });
});

function told(one: ReturnType<typeof findRefusedLaunches>): object | undefined {
  if (!one) return undefined;
  const { atMs, message, times, sinceMs } = one;
  expect(message).toMatch(new RegExp(`^(Client.InternalError: )?no room at ${atMs / 1000}$`));
  return { at: atMs / 1000, times, ...(sinceMs !== undefined && { since: sinceMs / 1000 }) };
}
