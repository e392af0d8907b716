import { describe, expect, test } from 'vitest';
import type { GroupedFacts, RecordFacts, Rule } from '../../checker/facts.ts';
import { judge } from '../../checker/judge.ts';
import { parseWitness, type WitnessLine } from '../../checker/witness.ts';
import { soundFacts } from '../support/checker-facts.ts';

interface History extends GroupedFacts {
  records: readonly RecordFacts[];
}

/** A record of one of the request's jobs, which was released at its index. */
function record(index: number, more: Partial<RecordFacts> = {}): RecordFacts {
  const [id, target] = [`r-${index}`, `s${index}`];
  return { id, state: 'succeeded', group: 'web', target, request: 'req', index, releasedMs: index, ...more };
}

/** A line of one of them: `1` starts the first one, `-1` ends it. */
function line(event: number, more: Partial<WitnessLine> = {}): WitnessLine {
  const index = Math.abs(event);
  return {
    event: event > 0 ? 'start' : 'end',
    ...{ job: `r-${index}`, attempt: 1, pid: index, atMs: 0, stage: 'job' as const },
    ...{ group: 'web', target: `s${index}`, request: 'req', index },
    ...more,
  };
}

const check = (event: number) =>
  line(event, { job: `c-${Math.abs(event)}`, of: `r-${Math.abs(event)}`, stage: 'check' });

/** Four jobs in two lanes, in batches of two, with a check after the first. */
const SOUND: History = {
  witness: [line(1), line(2), line(-1), check(1), line(-2), check(-1), line(3), line(4), line(-4), line(-3)],
  groups: [{ name: 'web', lanes: [{ fromMs: 0, lanes: 2 }], out: [] }],
  targets: [],
  requests: [{ id: 'req', isEnded: true, count: 4, serial: [2] }],
  records: [record(1), record(2), record(3), record(4), record(1, { id: 'c-1', stageOf: 'r-1' })],
};

function violationsOf({ records, ...grouped }: History): [Rule, string][] {
  const sound = soundFacts();
  const facts = { ...sound, records: [...(sound.records ?? []), ...records], grouped };
  return judge(facts).violations.map(({ rule, subject }) => [rule, subject]);
}

const withLanes = (...lanes: { fromMs: number; lanes: number }[]): Pick<History, 'groups'> => ({
  groups: [{ name: 'web', lanes, out: [] }],
});

describe('sound histories', () => {
  test.each<{ what: string; change: Partial<History> }>([
    { what: 'the one that the others are made of', change: {} },
    {
      what: 'lanes that were lowered while jobs were out',
      change: withLanes({ fromMs: 0, lanes: 2 }, { fromMs: 2, lanes: 1 }, { fromMs: 3, lanes: 2 }),
    },
    {
      what: 'a job that passes another, whose target a job of another group had',
      change: {
        requests: [{ id: 'req', isEnded: true, count: 4, serial: [] }],
        witness: [line(2), line(3), line(-2), line(-3), line(4), line(-4), line(1), line(-1)],
        records: [...SOUND.records, record(1, { id: 'other', group: 'db', request: 'another' })],
      },
    },
    {
      what: 'a request that goes on, a job that is out and has its target',
      change: {
        witness: SOUND.witness.slice(0, 7),
        records: [record(1), record(2), record(3, { state: 'running' }), record(4, { state: 'held' })],
        requests: [{ id: 'req', isEnded: false, count: 4, serial: [2] }],
        groups: [
          {
            name: 'web',
            lanes: [{ fromMs: 0, lanes: 2 }],
            out: [{ job: 'r-3', own: 'r-3', isUnhealthy: false }],
          },
        ],
        targets: [{ name: 's3', job: 'r-3', group: 'web' }],
      },
    },
    {
      what: 'an unhealthy target, whose job and check have ended',
      change: {
        groups: [
          {
            name: 'web',
            lanes: [{ fromMs: 0, lanes: 2 }],
            out: [{ job: 'r-4', own: 'c-4', isUnhealthy: true }],
          },
        ],
        targets: [{ name: 's4', job: 'r-4', group: 'web' }],
      },
    },
  ])('$what', ({ change }) => {
    expect(violationsOf({ ...SOUND, ...change })).toEqual([]);
  });
});

describe('histories that break one rule', () => {
  test.each<{ what: string; change: Partial<History>; finds: [Rule, string] }>([
    {
      what: 'two jobs are out in one lane',
      change: withLanes({ fromMs: 0, lanes: 2 }, { fromMs: 3, lanes: 1 }),
      finds: ['lanes-exceeded', 'web'],
    },
    {
      what: 'a job begins in the lane of one whose check still runs',
      change: {
        ...withLanes({ fromMs: 0, lanes: 1 }),
        requests: [{ id: 'req', isEnded: true, count: 4, serial: [] }],
        witness: [
          line(1),
          line(-1),
          line(2),
          check(1),
          check(-1),
          line(-2),
          line(3),
          line(-3),
          line(4),
          line(-4),
        ],
      },
      finds: ['lanes-exceeded', 'web'],
    },
    {
      what: 'a job of another group begins on a target while what the first has left there is at work',
      change: {
        witness: [
          ...SOUND.witness.slice(0, 9),
          line(4, { job: 'r-4', of: 'r-4', stage: 'remote', pid: 9 }),
          line(4, { job: 'p-4', group: 'db', request: undefined, index: undefined }),
          line(-4, { job: 'r-4', of: 'r-4', stage: 'remote', pid: 9 }),
          line(-3),
        ],
      },
      finds: ['target-shared', 'p-4'],
    },
    {
      what: 'the second job begins before the first in one lane',
      change: {
        ...withLanes({ fromMs: 0, lanes: 1 }),
        requests: [{ id: 'req', isEnded: true, count: 4, serial: [] }],
        witness: [line(2), line(-2), line(1), line(-1), line(3), line(-3), line(4), line(-4)],
      },
      finds: ['order-broken', 'r-2'],
    },
    {
      what: 'the third job begins before the first two, in two lanes',
      change: {
        requests: [{ id: 'req', isEnded: true, count: 4, serial: [] }],
        witness: [line(3), line(-3), line(1), line(2), line(-1), line(-2), line(4), line(-4)],
      },
      finds: ['order-broken', 'r-3'],
    },
    {
      what: 'a batch begins while a job of the batch before runs',
      change: {
        witness: [line(1), line(-1), line(2), line(3), line(-2), line(-3), line(4), line(-4)],
      },
      finds: ['batch-broken', 'r-3'],
    },
    {
      what: 'a batch begins before the check of the batch before has ended',
      change: {
        requests: [{ id: 'req', isEnded: true, count: 4, serial: ['50%'] }],
        witness: [
          line(1),
          line(2),
          line(-2),
          line(-1),
          line(3),
          line(-3),
          check(1),
          check(-1),
          line(4),
          line(-4),
        ],
        ...withLanes({ fromMs: 0, lanes: 3 }),
      },
      finds: ['batch-broken', 'r-3'],
    },
    {
      what: 'a request has ended, and one of its jobs is held',
      change: {
        records: [...SOUND.records.slice(0, 3), record(4, { state: 'held' }), ...SOUND.records.slice(4)],
      },
      finds: ['request-unended', 'r-4'],
    },
    {
      what: 'a request has ended, and one of its jobs is gone',
      change: { records: SOUND.records.filter(({ id }) => id !== 'r-4') },
      finds: ['request-unended', 'req'],
    },
    {
      what: 'a lane is left of a job that has ended',
      change: {
        groups: [
          {
            name: 'web',
            lanes: [{ fromMs: 0, lanes: 2 }],
            out: [{ job: 'r-4', own: 'r-4', isUnhealthy: false }],
          },
        ],
      },
      finds: ['lane-leaked', 'r-4'],
    },
    {
      what: 'a lane is left of a job whose check is gone',
      change: {
        groups: [
          {
            name: 'web',
            lanes: [{ fromMs: 0, lanes: 2 }],
            out: [{ job: 'r-4', own: 'c-4', isUnhealthy: false }],
          },
        ],
      },
      finds: ['lane-leaked', 'r-4'],
    },
    {
      what: 'a target is left to a job that is not out',
      change: { targets: [{ name: 's4', job: 'r-4', group: 'web' }] },
      finds: ['target-leaked', 'r-4'],
    },
  ])('$what', ({ change, finds }) => {
    expect(violationsOf({ ...SOUND, ...change })).toEqual([finds]);
  });
});

test('a line that no worker writes is refused with its number', () => {
  const lines = [line(1), line(-1)].map((one) => JSON.stringify(one));
  expect(parseWitness(`${lines.join('\n')}\n`)).toEqual([line(1), line(-1)]);
  expect(() => parseWitness(`${lines[0]}\nend of r-1\n`)).toThrow(
    'witness, line 2: not an event of a worker: end of r-1',
  );
});
