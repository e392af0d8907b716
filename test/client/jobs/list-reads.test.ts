import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import type { ListOptions } from '../../../client/index.ts';
import { toItem } from '../../../store/item.ts';
import { type BareFleet, bareFleets } from '../../support/bare-fleet.ts';
import { FAILED, numbersOf, readsOf, START_MS, writeEnded } from '../../support/ended-jobs.ts';
import { onTerminal } from '../../support/pty.ts';

const open = bareFleets();
const FEW = 2000;
const MANY = 20_000;
/** So that a scan takes several pages. */
const BODY = 'x'.repeat(500);

let bare: BareFleet;
beforeAll(async () => {
  bare = await open();
  await bare.indexed(true);
});

const reads = (options: ListOptions) => readsOf(bare, options);

it('takes as many requests for the first page of failed jobs of 20,000 as of 2,000', async () => {
  await writeEnded(bare, 0, FEW, BODY);
  // By now AWS's time is known.
  await reads({ limit: 1 });
  const few = await reads({ states: ['failed'] });
  await bare.indexed(false);
  const fewScanned = await reads({ states: ['failed'] });
  await writeEnded(bare, FEW, MANY, BODY);
  const manyScanned = await reads({ states: ['failed'] });
  await bare.indexed(true);
  const many = await reads({ states: ['failed'] });

  expect(few.actions).toEqual(['BatchGetItem', 'GetItem', ...Array(8).fill('Query')]);
  expect(many.actions).toEqual(few.actions);
  const newest = (last: number) => Array.from({ length: 50 }, (_, index) => last - index * FAILED);
  expect(numbersOf(few.jobs)).toEqual(newest(FEW - FAILED));
  expect(numbersOf(many.jobs)).toEqual(newest(MANY - FAILED));
  expect([few.notices, many.notices]).toEqual([[], []]);
  // Without the index it scans the table, says so, and finds the same jobs.
  expect(manyScanned.actions.length).toBeGreaterThan(3 * fewScanned.actions.length);
  expect(numbersOf(manyScanned.jobs)).toEqual(numbersOf(many.jobs));
  expect(manyScanned.notices).toEqual([expect.stringMatching(/^The whole table is read: /)]);
}, 300_000);

it('says once that it reads more if the index cannot filter', async () => {
  const { jobs, notices } = await reads({ states: ['succeeded'], label: 'nobody', requestId: 'r' });
  expect(jobs).toEqual([]);
  expect(notices).toEqual([
    'No index finds jobs by the label and the request, so other jobs are read too, until 50 are found. ' +
      'Give the state, or the time since when, to read fewer.',
  ]);
  const since = new Date(START_MS + (MANY - 500) * 1000);
  const narrowed = await reads({ states: ['succeeded'], label: 'nobody', since });
  expect(narrowed.notices).toEqual([]);
  expect(narrowed.actions).toEqual(['GetItem', ...Array(8).fill('Query')]);
});

it('wraps that notice at the width of the terminal', async () => {
  const bin = resolve(import.meta.dirname, '../../../bin/mayfly.js');
  const line = `${process.execPath} ${bin} list --state succeeded --label nobody`;
  const pty = onTerminal(line, { cwd: bare.directory, env: bare.env, columns: 60 });
  expect(await pty.ended()).toBe(0);
  const shown = stripVTControlCharacters(pty.screen()).trimEnd().split('\r\n');
  expect(shown[0]).toBe('mayfly: No index finds jobs by the label, so other jobs');
  expect(Math.max(...shown.map(({ length }) => length))).toBeLessThan(60);
});

it('leaves out a job whose state differs from the index, and still fills its page', async () => {
  const { dynamodb } = bare.fleet.context.clients;
  // A consistent read returns the new state, which the index does not have yet.
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: 'jobs',
      Key: toItem({ pk: `job#j-${MANY - FAILED}` }),
      UpdateExpression: 'SET #state = :lost',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: toItem({ ':lost': 'lost' }),
    }),
  );
  const { jobs } = await reads({ states: ['failed'], limit: 5 });
  expect(numbersOf(jobs)).toEqual([2, 3, 4, 5, 6].map((back) => MANY - back * FAILED));
});
