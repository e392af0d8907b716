import { describe, expect, it } from 'vitest';
import type { ListOptions } from '../../../client/index.ts';
import { createInstanceStore } from '../../../store/instance-store.ts';
import { statePartition } from '../../../store/partitions.ts';
import { bareFleets } from '../../support/bare-fleet.ts';

const open = bareFleets();
const START_MS = Date.now() - 3_600_000;
const at = (minute: number) => new Date(START_MS + minute * 60_000).toISOString();

async function some(isAll: boolean) {
  const { fleet, record, indexed } = await open();
  const { clients, facts } = fleet.context;
  await indexed(isAll);
  await createInstanceStore(clients.dynamodb, facts.table, 60).recordReport('i-1', Date.now());
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

describe.each([
  ['by the index', true],
  ['by a scan of the table', false],
])('a list of jobs, %s,', (_, isAll) => {
  it('has the newest first, up to the limit', async () => {
    const { ids } = await some(isAll);
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
    [{ instance: 'i-1', states: ['running'] }, ['j-3']],
    [{ states: ['queued', 'lost'] }, ['j-2', 'j-5']],
    // j-3 was started since, j-1 has ended since.
    [{ since: new Date(at(3.5)) }, ['j-4']],
    [{ since: new Date(at(3)) }, ['j-4', 'j-3']],
    // No message that was enqueued since then can have exceeded its retention period.
    [{ states: ['lost'], since: new Date(at(1)) }, []],
    [{ states: ['failed', 'lost'], since: new Date(at(1)) }, ['j-4']],
    [{ states: ['lost'], since: new Date('2019-01-01T00:00:00.000Z') }, ['j-5']],
    [{ label: 'nobody' }, []],
  ])('of %j', async (options, expected) => {
    const { ids } = await some(isAll);
    expect(await ids(options)).toEqual(expected);
  });

  it('has the last of many in the order of their numbers', async () => {
    const { fleet, indexed } = await open();
    await indexed(isAll);
    const jobs = Array.from({ length: 400 }, () => ({ body: 'x', label: `many-${isAll}` }));
    await fleet.enqueueMany(jobs, { seed: `list${isAll}` });
    const ids = (await fleet.list({ label: `many-${isAll}`, limit: 3 })).map(({ id }) => id);
    expect(ids).toEqual([400, 399, 398].map((number) => `j-list${isAll}-${number}`));
  });
});

describe.each([
  ['by the index', true],
  ['by a scan of the table', false],
])('a list of jobs of groups, %s,', (_, isAll) => {
  const released = (id: string) => ({
    ...{ id, state: 'held', release: 1, attempts: 0, listed: statePartition('queued', id) },
    // It was held for longer than the queue keeps a message.
    enqueuedAt: '2020-01-01T00:00:00.000Z',
  });

  async function grouped() {
    const { fleet, record, indexed } = await open();
    await indexed(isAll);
    const group = fleet.facts.queueUrl.split('/').at(-1) ?? '';
    const enqueuedAt = new Date().toISOString();
    await record({ id: `h-${group}`, group, state: 'held', attempts: 0, enqueuedAt });
    await record({ ...released(`r-${group}`), state: 'held', group, sentAt: enqueuedAt });
    await record({ ...released(`f-${group}`), state: 'held', group, sentAt: '2020-01-02T00:00:00.000Z' });
    await record({ id: `o-${group}`, group: 'other', state: 'held', attempts: 0, enqueuedAt });
    const ids = async (options: ListOptions) =>
      (await fleet.list({ group, ...options })).map(({ id }) => id.slice(0, 1));
    return { fleet, group, ids };
  }

  it.each<[ListOptions, string[]]>([
    [{}, ['h', 'r', 'f']],
    [{ states: ['held'] }, ['h']],
    [{ states: ['queued'] }, ['r']],
    [{ states: ['lost'] }, ['f']],
    [{ states: ['held', 'queued', 'lost'] }, ['h', 'r', 'f']],
    [{ states: ['queued'], since: new Date(Date.now() - 60_000) }, []],
    [{ states: ['running'] }, []],
  ])('with %j has those that are shown in this state', async (options, expected) => {
    const { ids } = await grouped();
    expect(await ids(options)).toEqual(expected);
  });

  it('says why the lost one is lost', async () => {
    const { fleet, group } = await grouped();
    expect(await fleet.list({ group, states: ['lost'] })).toMatchObject([
      { state: 'lost', finished: true, reason: 'its message has exceeded the retention period of the queue' },
    ]);
  });
});

describe('a list of jobs', () => {
  it.each<[ListOptions, string]>([
    [{ limit: 0 }, 'The limit is 0; it must be 1 or more.'],
    [
      { states: ['done' as 'failed'] },
      'There is no state done; the states are held, queued, running, succeeded',
    ],
  ])('of %j is refused', async (options, sentence) => {
    const { fleet } = await open();
    await expect(fleet.list(options)).rejects.toThrow(sentence);
  });
});
