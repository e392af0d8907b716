import { describe, expect, it } from 'vitest';
import { planGroups } from '../../../client/requests/plan-view.ts';
import { listTargets } from '../../../client/requests/target-list.ts';
import type { BatchSize } from '../../../policy/groups/batches.ts';
import type { RequestPolicy } from '../../../policy/groups/state.ts';

function plan(count: number, options: RequestPolicy, lanes = 1) {
  const candidates = Array.from({ length: count }, (_, at) => ({
    target: `s${at + 1}`,
    variables: {},
    isChosen: true,
  }));
  const { groups } = listTargets({ source: 'x', candidates }, {});
  const [group] = planGroups(groups, options, () => lanes);
  return group ?? expect.unreachable();
}

describe('a plan', () => {
  it('says in which batch, lane and turn each target runs', () => {
    expect(plan(5, { serial: [1, 3] }, 2)).toEqual({
      name: 'all',
      size: 5,
      lanes: 2,
      atOnce: 2,
      batches: [
        {
          number: 1,
          stopsAtFailure: 1,
          pausesAfter: false,
          targets: [{ target: 's1', index: 1, lane: 1, turn: 1 }],
        },
        {
          number: 2,
          stopsAtFailure: 1,
          pausesAfter: false,
          targets: [
            { target: 's2', index: 2, lane: 1, turn: 1 },
            { target: 's3', index: 3, lane: 2, turn: 1 },
            { target: 's4', index: 4, lane: 1, turn: 2 },
          ],
        },
        {
          number: 3,
          stopsAtFailure: 1,
          pausesAfter: false,
          targets: [{ target: 's5', index: 5, lane: 1, turn: 1 }],
        },
      ],
      notes: ['A batch of 3 does not run all at once: 2 at a time.'],
    });
  });

  it('has the groups with their own lanes, and places over the whole request', () => {
    const candidates = ['a', 'b', 'a', 'b'].map((group, at) => ({
      target: `s${at}`,
      group,
      variables: {},
      isChosen: true,
    }));
    const list = listTargets({ source: 'x', candidates }, {});
    const planned = planGroups(list.groups, {}, ({ name, size }) => (name === 'a' ? 1 : size));
    expect(
      planned.map(({ name, lanes, batches }) => [
        name,
        lanes,
        batches[0]?.targets.map((one) => [one.index, one.lane, one.turn]),
      ]),
    ).toEqual([
      [
        'a',
        1,
        [
          [1, 1, 1],
          [3, 1, 2],
        ],
      ],
      [
        'b',
        2,
        [
          [2, 1, 1],
          [4, 2, 1],
        ],
      ],
    ]);
  });

  it.each<[number, BatchSize[], number[]]>([
    [100, [1, 5, 10, '100%'], [1, 5, 10, 84]],
    [15, ['10%'], Array(15).fill(1)],
    [9, [2, '0%'], [2, 1, 1, 1, 1, 1, 1, 1]],
    [9, ['50%', 0], [4, 5]],
    [4, [], [4]],
  ])('of %i with serial %j has the batches of Ansible', (count, serial, sizes) => {
    expect(plan(count, { serial }).batches.map(({ targets }) => targets.length)).toEqual(sizes);
  });

  it.each<[RequestPolicy, (number | undefined)[]]>([
    [{}, [1, 1]],
    [{ anyErrorsFatal: true, maxFail: 3 }, [1, 1]],
    [{ maxFail: 2 }, [3, 2]],
    [{ maxFail: '50%' }, [4, 2]],
    [{ maxFail: '100%' }, [6, 2]],
    [{ keepGoing: true }, [undefined, undefined]],
  ])('with %j stops at these failures of a batch of six and of two', (options, stops) => {
    const { batches } = plan(8, { ...options, serial: [6] });
    expect(batches.map(({ stopsAtFailure }) => stopsAtFailure)).toEqual(stops);
  });

  it('pauses after the batch that is asked for, if another follows', () => {
    const pauses = (pauseAfter: number) =>
      plan(4, { serial: [2], pauseAfter }).batches.map(({ pausesAfter }) => pausesAfter);
    expect(pauses(1)).toEqual([true, false]);
    expect(pauses(2)).toEqual([false, false]);
  });

  it.each<[RequestPolicy, number, number, string[]]>([
    [{ throttle: 2 }, 4, 2, []],
    [{ throttle: 9 }, 4, 4, ['A throttle of 9 is more than the lanes of the group: 4 at a time.']],
    [{ serial: [0] }, 9, 9, ['A serial of 0 means all targets that are left, as in Ansible.']],
    [
      { serial: [-1] },
      1,
      1,
      [
        'A serial of -1 means all targets that are left, as in Ansible.',
        'A batch of 8 does not run all at once: 1 at a time.',
      ],
    ],
    [{ serial: [8, 0] }, 8, 8, []],
  ])('with %j and %i lanes runs %i at once, with the notes %j', (options, lanes, atOnce, notes) => {
    expect(plan(8, options, lanes)).toMatchObject({ atOnce, notes });
  });
});
