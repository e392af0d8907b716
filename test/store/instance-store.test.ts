import { expect, test } from 'vitest';
import { createInstanceStore } from '../../store/instance-store.ts';
import { openFleet, TABLE } from '../support/agent-fleet.ts';

const open = openFleet();

/**
 * After a rollback a keeper of an earlier version runs while instances still have an agent of this one. It reads
 * `heardAtMs` and `outlook`, and ends an instance in which it finds no recent `heardAtMs`.
 */
test('a keeper of an earlier version finds the reports of an agent of this one', async () => {
  const fleet = await open({ hooks: false });
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  const item = () => fleet.item('instance#i-1');
  const forecast = { running: 1, slots: 2, jobsDone: 3, lastStartMs: 2, next: 'work' } as const;

  await store.recordStart('i-1', undefined, 1);
  expect(await item()).toMatchObject({ reportedAtMs: 1, heardAtMs: 1 });
  await store.recordReady('i-1', { readyAt: new Date(2).toISOString() }, 2);
  expect(await item()).toMatchObject({ reportedAtMs: 2, heardAtMs: 2 });
  await store.recordReport('i-1', 3, forecast);
  expect(await item()).toMatchObject({ reportedAtMs: 3, heardAtMs: 3, forecast, outlook: forecast });
  await store.recordFatalError('i-1', 'no space left');
  expect(await item()).toMatchObject({ fatalError: 'no space left', lastWords: 'no space left' });

  await store.recordStart('i-1', undefined, 4);
  const started = await item();
  expect(started).toMatchObject({ reportedAtMs: 4, heardAtMs: 4 });
  expect(started).not.toHaveProperty('fatalError');
  expect(started).not.toHaveProperty('lastWords');
});

test('a record that agents of two versions have written has the last report', async () => {
  const fleet = await open({ hooks: false });
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  await store.recordReport('i-1', 3, { running: 1, slots: 2, jobsDone: 3, next: 'work' });
  await fleet.call('dynamodb', 'UpdateItem', {
    TableName: TABLE,
    Key: { pk: { S: 'instance#i-1' } },
    UpdateExpression: 'SET heardAtMs = :at',
    ExpressionAttributeValues: { ':at': { N: '9' } },
  });
  const [record] = await store.listLive();
  expect(record).toMatchObject({ reportedAtMs: 9 });
  expect(record).not.toHaveProperty('heardAtMs');
});
