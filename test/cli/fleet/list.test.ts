import { describe, expect, it } from 'vitest';
import type { ListOptions } from '../../../cli/index.ts';
import { bareFleets } from '../bare-fleet.ts';

const open = bareFleets();
const at = (minute: number) => new Date(Date.now() - 3_600_000 + minute * 60_000).toISOString();

async function some() {
  const { fleet, record } = await open();
  const label = fleet.facts.queueUrl.split('/').at(-1) ?? '';
  const base = { label } as const;
  await record({
    ...base,
    id: 'j-1',
    state: 'succeeded',
    enqueuedAt: at(1),
    endedAt: at(50),
    requestId: 'r-1',
  });
  // As an earlier version wrote it.
  await record({ group: label, id: 'j-2', state: 'queued', enqueuedAt: at(2), attempts: 0 });
  await record({
    ...base,
    id: 'j-3',
    state: 'running',
    enqueuedAt: at(3),
    startedAt: at(4),
    instance: 'i-1',
  });
  await record({ ...base, id: 'j-4', state: 'failed', enqueuedAt: at(4), endedAt: at(5), instance: 'i-1' });
  await record({ ...base, id: 'j-5', state: 'queued', enqueuedAt: '2020-01-01T00:00:00.000Z', attempts: 0 });
  const ids = async (options: ListOptions) => (await fleet.list({ label, ...options })).map(({ id }) => id);
  return { fleet, ids };
}

describe('a list of jobs', () => {
  it('has the newest first, and no more than asked for', async () => {
    const { ids } = await some();
    expect(await ids({})).toEqual(['j-4', 'j-3', 'j-2', 'j-1', 'j-5']);
    expect(await ids({ limit: 2 })).toEqual(['j-4', 'j-3']);
  });

  it.each<[ListOptions, string[]]>([
    [{ states: ['failed', 'succeeded'] }, ['j-4', 'j-1']],
    [{ states: ['queued'] }, ['j-2']],
    [{ states: ['lost'] }, ['j-5']],
    [{ states: [] }, []],
    [{ requestId: 'r-1' }, ['j-1']],
    [{ instance: 'i-1' }, ['j-4', 'j-3']],
    [{ since: new Date(at(3.5)) }, ['j-4', 'j-3', 'j-1']],
    [{ label: 'nobody' }, []],
  ])('of %j', async (options, expected) => {
    const { ids } = await some();
    expect(await ids(options)).toEqual(expected);
  });

  it('has the last of many, in the order of their numbers', async () => {
    const { fleet } = await open();
    const jobs = Array.from({ length: 400 }, () => ({ body: 'x', label: 'many' }));
    await fleet.enqueueMany(jobs, { seed: 'list' });
    const ids = (await fleet.list({ label: 'many', limit: 3 })).map(({ id }) => id);
    expect(ids).toEqual(['j-list-400', 'j-list-399', 'j-list-398']);
  });

  it.each<[ListOptions, string]>([
    [{ limit: 0 }, 'The limit is 0; it is 1 or more.'],
    [{ group: 'g' } as object, '`group` is for jobs that must not run at the same time'],
    [
      { states: ['done' as 'failed'] },
      'There is no state done; a job is one of held, queued, running, succeeded',
    ],
  ])('of %j is refused', async (options, sentence) => {
    const { fleet } = await open();
    await expect(fleet.list(options)).rejects.toThrow(sentence);
  });
});
