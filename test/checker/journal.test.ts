import { expect, it } from 'vitest';
import { groupRuns, parseJournal } from '../../checker/journal.ts';
import { ran } from '../support/checker-facts.ts';

const line = (value: unknown) => `${JSON.stringify(value)}\n`;

it('combines the lines of several workers into runs', () => {
  const text = [...ran('a', 1, 10, 0, 0), ...ran('b', 1, 11, 500), ...ran('a', 2, 12, 2_000, 3)]
    .map(line)
    .join('');
  expect(groupRuns(parseJournal(text))).toEqual([
    { job: 'a', attempt: 1, pid: 10, startedMs: 0, seenMs: 1_000, status: 0 },
    { job: 'b', attempt: 1, pid: 11, startedMs: 500, seenMs: 1_500 },
    { job: 'a', attempt: 2, pid: 12, startedMs: 2_000, seenMs: 3_000, status: 3 },
  ]);
});

it('leaves out the incomplete line of a killed worker', () => {
  const [start] = ran('a', 1, 10, 0);
  expect(parseJournal(`${line(start)}{"event":"end","jo`)).toEqual([start]);
});

it('refuses any other line that is not an event, with its number', () => {
  const [start] = ran('a', 1, 10, 0);
  expect(() => parseJournal(`${line(start)}${line({ event: 'begin', job: 'a' })}`)).toThrow(
    'journal, line 2',
  );
  expect(() => parseJournal(`nonsense\n${line(start)}`)).toThrow('journal, line 1');
});

it('refuses an end without a start', () => {
  const [, end] = ran('a', 1, 10, 0, 0);
  expect(() => groupRuns(end ? [end] : [])).toThrow("'end' of pid 10 without a 'start'");
});
