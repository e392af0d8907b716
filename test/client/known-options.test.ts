import { describe, expect, it } from 'vitest';
import type { FleetContext } from '../../client/context.ts';
import { WrongOptionError } from '../../client/errors.ts';
import { factsFromNames } from '../../client/find/resource-names.ts';
import { Fleet } from '../../client/fleet.ts';

const names = { queueUrl: 'https://sqs/q', table: 'table', logBucket: 'logs', group: 'group' };
/** It has no clients, so no call can be made. */
const fleet = new Fleet({ facts: factsFromNames(names, 'eu-west-1') } as FleetContext);
const { deadLetters } = fleet;

/** A call from code without types. */
const WRONG = { limitSecond: 5 } as object;
const before = new Date(0);

describe('an unknown option is refused, not ignored', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['Fleet.find', () => Fleet.find(WRONG)],
    ['enqueue', () => fleet.enqueue('a', WRONG)],
    ['enqueueMany', () => fleet.enqueueMany([], WRONG)],
    ['status', () => fleet.status('j-1', WRONG)],
    ['wait', () => fleet.wait(['j-1'], WRONG)],
    ['list', () => fleet.list(WRONG)],
    ['logs', () => fleet.logs('j-1', WRONG).next()],
    ['cancel', () => fleet.cancel(['j-1'], WRONG)],
    ['retry', () => fleet.retry('j-1', WRONG)],
    ['cleanup', () => fleet.cleanup(['j-1'], WRONG)],
    ['cleanupEnded', () => fleet.cleanupEnded({ before, ...WRONG })],
    ['describe', () => fleet.describe(WRONG)],
    ['drain', () => fleet.drain('i-1', WRONG)],
    ['request', () => fleet.request([], WRONG)],
    ['requests.list', () => fleet.requests.list(WRONG)],
    ['requests.cancel', () => fleet.requests.cancel('r', WRONG)],
    ['requests.retry', () => fleet.requests.retry('r', WRONG)],
    ['requests.wait', () => fleet.requests.wait('r', WRONG)],
    ['groups.set', () => fleet.groups.set('g', WRONG)],
    ['deadLetters.list', () => deadLetters.list(WRONG)],
    ['deadLetters.redrive', () => deadLetters.redrive({ all: true, ...WRONG })],
    ['deadLetters.purge', () => deadLetters.purge({ all: true, ...WRONG })],
  ])('of %s', async (method, call) => {
    const error = await call().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WrongOptionError);
    expect((error as Error).message).toMatch(
      new RegExp(`^\`${method}\` has no option "limitSecond"; it has [a-zA-Z]+(, [a-zA-Z]+)*\\.$`),
    );
  });
});
