import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, test } from 'vitest';
import type { Groups } from '../../groups/groups.ts';
import { repairGroup, repairTargets } from '../../groups/repair.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { GroupState, RequestPolicy } from '../../policy/groups/state.ts';
import { toItem } from '../../store/item.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { type Act, playAllOrders, playSomeOrders, type Scene } from './played/interleave.ts';
import { findLostWakeups } from './played/lost-wakeups.ts';
import { createRandom } from './played/random.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const RETENTION_MS = 86_400_000;

type Check = (scene: Scene) => string[];

const withoutLosses =
  (check: Check): Check =>
  (scene) => [...findLostWakeups(scene), ...check(scene)];

/** Does the first acts one after the other. */
const oneByOne =
  (acts: readonly Act[]): Act =>
  async (groups) => {
    for (const act of acts) await act(groups);
  };

/** Plays all orders of the acts, after the first ones. */
function playAll(first: readonly Act[], acts: readonly Act[], check: Check = () => []): Promise<number> {
  return playAllOrders(seats, { done: oneByOne(first) }, acts, withoutLosses(check));
}

/** The same in five hundred orders: with more than two actors there are too many. */
function playSome(first: readonly Act[], acts: readonly Act[], check: Check = () => []): Promise<void> {
  const how = { count: 500, random: createRandom(1) };
  return playSomeOrders(seats, { done: oneByOne(first) }, acts, withoutLosses(check), how);
}

const put = (groups: Groups, pk: string, item: object) =>
  groups.context.clients.dynamodb.send(
    new PutItemCommand({ TableName: 'jobs', Item: toItem({ ...item, pk }) }),
  );

const heldRecord = (id: string, group: string, target?: string): JobRecord => ({
  ...{ pk: `job#${id}`, id, state: 'held', attempts: 0, nonce: id, body: 'x', group },
  ...(target !== undefined && { target }),
});

/** A held job comes into its group. */
function add(id: string, group: string, target?: string): Act {
  return async (groups) => {
    await groups.jobs.create(heldRecord(id, group, target));
    await groups.addPlain(group, [{ id, ...(target !== undefined && { target }) }]);
  };
}

/** The worker of a job has ended, and its agent has written so. */
function succeed(id: string): Act {
  return async (groups) => {
    const record = await groups.jobs.get(id);
    const tries = [{ key: '1', instance: 'i-1', startedAt: '2027' }];
    await put(groups, `job#${id}`, { ...record, state: 'succeeded', startedAt: '2027', tries });
  };
}

/** The check of a job's target has failed, and its agent has written so. */
function failCheck(id: string, group: string): Act {
  return async (groups) => {
    const { out } = await groups.items.read(group);
    const check = await groups.jobs.get(out[id]?.job ?? '');
    await put(groups, `job#${check?.id}`, { ...check, state: 'failed', startedAt: '2027' });
  };
}

/** The agent that ran the check goes on with the lane. */
function endCheck(id: string, group: string): Act {
  return async (groups) => {
    const { out } = await groups.items.read(group);
    const check = await groups.jobs.get(out[id]?.job ?? '');
    if (check) await groups.endJob(group, check);
  };
}

/** The agent goes on with the lane. */
function end(id: string, group: string): Act {
  return async (groups) => {
    const record = await groups.jobs.get(id);
    if (record) await groups.endJob(group, record);
  };
}

const setLanes =
  (group: string, lanes: number): Act =>
  (groups) =>
    groups.change(group, (now) => ({ group: { ...now, lanes } }));

/** The jobs of a request have been written. */
function prepareRequest(
  id: string,
  groups: Record<string, readonly string[]>,
  policy: RequestPolicy = {},
): Act {
  return async (all) => {
    for (const [group, targets] of Object.entries(groups)) {
      for (const [index, target] of targets.entries())
        await all.jobs.create({
          ...heldRecord(requestJobId(id, group, index + 1), group, target),
          requestId: id,
        });
    }
    await all.requests.create({
      ...{ id, state: 'open', generation: 1, digest: 'x', submittedAt: '2027-01-01T00:00:00Z', policy },
      count: Object.values(groups).flat().length,
      groups: Object.entries(groups).map(([name, { length }]) => ({ name, size: length, count: length })),
    });
  };
}

const sync =
  (id: string): Act =>
  async (groups) => {
    const request = await groups.requests.read(id);
    if (request) await groups.syncRequest(request);
  };

/** An operator changes the state of a request. */
function change(id: string, state: 'open' | 'paused' | 'cancelled'): Act {
  return async (groups) => {
    const changed = await groups.requests.change(id, ['open', 'paused', 'stopped'], { state, atMs: 0 });
    if (changed) await groups.syncRequest(changed);
  };
}

const keep =
  (...names: string[]): Act =>
  async (groups) => {
    const states: GroupState[] = [];
    for (const name of names) states.push(await repairGroup(groups, name, RETENTION_MS));
    await repairTargets(groups, states);
  };

const outIn = ({ table }: Scene, group: string) =>
  Object.keys(table.read<GroupState>(`group#${group}`)?.out ?? {});

/** Says what is out if it is not what is expected. */
const expectOut =
  (group: string, ...ids: string[]) =>
  (scene: Scene) =>
    outIn(scene, group).toSorted().join() === ids.toSorted().join()
      ? []
      : [`${outIn(scene, group).join()} are out in ${group}, not ${ids.join()}`];

describe('an end and a submission at the same time', () => {
  test('a job comes into the group whose only lane becomes free', async () => {
    await playAll([add('a', 'web'), succeed('a')], [end('a', 'web'), add('b', 'web')], expectOut('web', 'b'));
  });

  test('a request comes into that group, and another', async () => {
    await playSome(
      [add('a', 'web'), succeed('a'), prepareRequest('req', { web: ['s1', 's2'] })],
      [end('a', 'web'), sync('req'), add('b', 'web')],
      (scene) => (outIn(scene, 'web').length === 1 ? [] : ['not one job is out']),
    );
  });

  test('a job of another group waits for the target that becomes free', async () => {
    await playAll(
      [add('a', 'web', 's1'), succeed('a')],
      [end('a', 'web'), add('b', 'db', 's1')],
      expectOut('db', 'b'),
    );
  });

  test('jobs of two other groups wait for it', async () => {
    await playSome(
      [add('a', 'web', 's1'), succeed('a')],
      [end('a', 'web'), add('b', 'db', 's1'), add('c', 'cache', 's1')],
      (scene) =>
        [...outIn(scene, 'db'), ...outIn(scene, 'cache')].length === 1 ? [] : ['not one of the two is out'],
    );
  });

  test('a job of the same group waits for it', async () => {
    await playAll(
      [setLanes('web', 2), add('a', 'web', 's1'), succeed('a')],
      [end('a', 'web'), add('b', 'web', 's1')],
      expectOut('web', 'b'),
    );
  });

  test('the one that waits for a target ends when another begins to wait', async () => {
    await playAll(
      [add('a', 'web', 's1'), add('b', 'db', 's1'), succeed('a'), end('a', 'web'), succeed('b')],
      [end('b', 'db'), add('c', 'web', 's1')],
      expectOut('web', 'c'),
    );
  });
});

describe('submissions to a group whose item is full', () => {
  const waiting = Array.from({ length: 10 }, (_, number) => add(`w${number}`, 'web', 's1'));

  test('lose no job when the place of one is read before the other is written there', async () => {
    await playSome(
      [add('x', 'db', 's1'), setLanes('web', 3), ...waiting],
      [add('a', 'web'), add('b', 'web'), add('c', 'web')],
      expectOut('web', 'a', 'b', 'c'),
    );
  });
});

describe('two ends at the same time', () => {
  const request = prepareRequest('req', { web: ['s1', 's2', 's3', 's4'] }, { serial: [2] });
  const [first, second, third, fourth] = [1, 2, 3, 4].map((number) => requestJobId('req', 'web', number));

  test('end a batch, and begin the next', async () => {
    await playAll(
      [setLanes('web', 2), request, sync('req'), succeed(`${first}`), succeed(`${second}`)],
      [end(`${first}`, 'web'), end(`${second}`, 'web')],
      expectOut('web', `${third}`, `${fourth}`),
    );
  });

  test('end a request', async () => {
    await playAll(
      [
        ...[setLanes('web', 2), prepareRequest('short', { web: ['s1', 's2'] }), sync('short')],
        ...[1, 2].map((number) => succeed(requestJobId('short', 'web', number))),
      ],
      [1, 2].map((number) => end(requestJobId('short', 'web', number), 'web')),
      ({ table }) => {
        const { state, groups } = table.read<RequestRecord>('request#short') ?? {};
        const isEnded = state === 'ended' && groups?.[0]?.result?.succeeded === 2;
        return isEnded ? [] : [`the request is ${state}`];
      },
    );
  });

  test('and one of them is told twice', async () => {
    await playSome(
      [add('a', 'web', 's1'), add('b', 'web', 's1'), add('c', 'web', 's1'), succeed('a')],
      [end('a', 'web'), end('a', 'web'), add('d', 'web')],
      (scene) => (outIn(scene, 'web').length === 1 ? [] : ['not one job is out']),
    );
  });
});

describe('a request that is changed', () => {
  const job = requestJobId('req', 'web', 1);
  const prepared = prepareRequest('req', { web: ['s1'] });

  test('is paused while its first job is released', async () => {
    await playAll([prepared], [sync('req'), change('req', 'paused')], (scene) =>
      scene.table.items.has('target#s1') && outIn(scene, 'web').length === 0 ? ['its target is left'] : [],
    );
  });

  test('is paused and resumed at the same time', async () => {
    await playAll([prepared, sync('req')], [change('req', 'paused'), change('req', 'open')], (scene) => {
      const { state } = scene.table.read<RequestRecord>('request#req') ?? {};
      return state === 'open' ? expectOut('web', job)(scene) : expectOut('web')(scene);
    });
  });

  test('is paused and cancelled at the same time', async () => {
    await playSome([prepared, sync('req')], [change('req', 'paused'), change('req', 'cancelled')], (scene) =>
      expectOut('web')(scene),
    );
  });

  test('is cancelled while another still adds it to its group', async () => {
    await playAll([prepared], [sync('req'), change('req', 'cancelled')], ({ table }) => {
      const { requests = [] } = table.read<GroupState>('group#web') ?? {};
      return requests.map(({ id, state }) => `the group has ${id}, which is ${state}`);
    });
  });

  test('is taken back by two, of whom one resumes it', async () => {
    const takeBack: Act = (groups) => groups.recallRequest('web', 'req');
    await playAllOrders(
      seats,
      // The group has heard of the pause, and nothing is taken back yet.
      { done: oneByOne([prepared, sync('req')]), cutOff: { act: change('req', 'paused'), after: 4 } },
      [takeBack, oneByOne([takeBack, change('req', 'open')])],
      withoutLosses(expectOut('web', job)),
    );
  });
});

describe('a group that is resumed', () => {
  const job = requestJobId('req', 'web', 1);
  const request = prepareRequest('req', { web: ['s1'] }, { healthy: 'http' });
  const pause: Act = (groups) => groups.change('web', (now) => ({ group: { ...now, pausedAtMs: 1 } }));

  // Guard notes an unhealthy target whose group goes on.
  test('is stopped all the same by a target that becomes unhealthy meanwhile', async () => {
    const checked = [request, sync('req'), succeed(job), end(job, 'web'), failCheck(job, 'web')];
    await playAll(
      [...checked, pause],
      [endCheck(job, 'web'), (groups) => groups.resume('web')],
      ({ table }) => {
        const { pausedAtMs, stopped, out } = table.read<GroupState>('group#web') ?? {};
        const isLeft = Object.keys(out ?? {}).length > 0;
        return [
          ...(pausedAtMs === undefined ? [] : ['it is paused']),
          ...((stopped !== undefined) === isLeft ? [] : [`${Object.keys(out ?? {})} is out`]),
        ];
      },
    );
  });
});

describe('lanes that are lowered from five to one while busy', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

  test('give nothing more until one job is out', async () => {
    const first = names.map((name) => add(name, 'web'));
    await playSome(
      [setLanes('web', 5), ...first, ...['a', 'b', 'c', 'd'].map(succeed)],
      [setLanes('web', 1), ...['a', 'b', 'c', 'd'].map((name) => end(name, 'web'))],
      (scene) => {
        const out = outIn(scene, 'web');
        return out.length >= 1 && out.length <= 3 ? [] : [`${out} are out`];
      },
    );
  }, 60_000);
});

describe('two keepers at once', () => {
  // First come the job's record, two reads of the group and its write. Then come record, target, message and record.
  test.each([4, 5, 6, 7])('make up for a release that was cut off after %i calls', async (after) => {
    await playSomeOrders(
      seats,
      { done: setLanes('web', 1), cutOff: { act: add('a', 'web', 's1'), after } },
      [keep('web'), keep('web')],
      withoutLosses(expectOut('web', 'a')),
      { count: 200, random: createRandom(after) },
    );
  });

  test.each([2, 3, 4, 5, 6, 7, 8])('make up for an end that was cut off after %i calls', async (after) => {
    const done = oneByOne([add('a', 'web', 's1'), add('b', 'web'), add('c', 'db', 's1'), succeed('a')]);
    await playSomeOrders(
      seats,
      { done, cutOff: { act: end('a', 'web'), after } },
      [keep('web', 'db'), keep('web', 'db')],
      withoutLosses((scene) => [...expectOut('web', 'b')(scene), ...expectOut('db', 'c')(scene)]),
      { count: 100, random: createRandom(after) },
    );
  });

  test('free a target whose job is not out, and wake the group that waits for it', async () => {
    await playSomeOrders(
      seats,
      {
        done: oneByOne([
          add('a', 'web', 's1'),
          add('b', 'db', 's1'),
          // A late release of a job that was recalled has taken another target.
          (groups) => groups.targets.take('s2', { job: 'x', release: 1, group: 'web' }, 0),
          (groups) => groups.targets.wait('s2', 'x', 'db'),
        ]),
      },
      [keep('web', 'db'), keep('web', 'db')],
      withoutLosses(({ table }) => (table.items.has('target#s2') ? ['its target is left'] : [])),
      { count: 50, random: createRandom(1) },
    );
  });
});
