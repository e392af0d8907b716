import { expect, test } from 'vitest';
import { toItem } from '../../store/item.ts';
import { parseInstance, parseJob, withEarlierNames } from '../../store/records.ts';

test('an item is read as it is, with what a later version has written', () => {
  const job = { pk: 'job#j-1', id: 'j-1', state: 'resting', attempts: 1, laterKey: { a: [1] } };
  expect(parseJob(toItem(job))).toEqual(job);
  const instance = { pk: 'instance#i-1', instance: 'i-1', listing: 'instances', laterKey: true };
  expect(parseInstance(toItem(instance))).toEqual(instance);
});

test('an item without the attributes of its kind is read all the same', () => {
  expect(parseJob({ pk: { S: 'job#j-1' } })).toEqual({ pk: 'job#j-1' });
  expect(parseInstance({ pk: { S: 'instance#i-1' } })).toEqual({ pk: 'instance#i-1' });
});

test('an item of another kind is no record of this one', () => {
  expect(parseJob(toItem({ pk: 'instance#i-1', instance: 'i-1' }))).toBeUndefined();
  expect(parseJob(toItem({ pk: 'fleet', fleet: true }))).toBeUndefined();
  expect(parseInstance(toItem({ pk: 'job#j-1', id: 'j-1' }))).toBeUndefined();
  expect(parseInstance({})).toBeUndefined();
});

test('an instance that an earlier version wrote has its attributes by their names now', () => {
  const forecast = { running: 1, slots: 2, jobsDone: 3, next: 'work' };
  const named = { pk: 'instance#i-1', instance: 'i-1', listing: 'instances' };
  const earlier = { ...named, heardAtMs: 5, outlook: forecast, lastWords: 'no space left' };
  const now = { ...named, reportedAtMs: 5, forecast, fatalError: 'no space left' };
  expect(parseInstance(toItem(earlier))).toEqual(now);
  expect(parseInstance(toItem(now))).toEqual(now);
  expect(parseInstance(toItem({ ...earlier, reportedAtMs: 7 }))).toEqual({ ...now, reportedAtMs: 7 });
});

test('after an agent of an earlier version has followed, the last report is the one that it wrote', () => {
  const named = { pk: 'instance#i-1', instance: 'i-1', listing: 'instances' };
  const forecast = { running: 0, slots: 2, jobsDone: 3, next: 'retire' };
  const outlook = { running: 2, slots: 2, jobsDone: 0, next: 'work' };
  const item = toItem({ ...named, reportedAtMs: 5, forecast, heardAtMs: 9, outlook });
  expect(parseInstance(item)).toEqual({ ...named, reportedAtMs: 9, forecast: outlook });
});

test('attributes with an earlier name are written by both names, and read by the one that they have now', () => {
  const named = { pk: 'instance#i-1', instance: 'i-1', listing: 'instances' } as const;
  const forecast = { running: 1, slots: 2, jobsDone: 3, next: 'work' } as const;
  const written = withEarlierNames({ reportedAtMs: 5, forecast, fatalError: 'no space left' });
  expect(written).toMatchObject({ heardAtMs: 5, outlook: forecast, lastWords: 'no space left' });
  expect(parseInstance(toItem({ ...named, ...written }))).toEqual({
    ...named,
    ...{ reportedAtMs: 5, forecast, fatalError: 'no space left' },
  });
});
