import { describe, expect, it } from 'vitest';
import type { Facts, LogFacts, Rule, StreamFacts, TryFacts } from '../../checker/facts.ts';
import { judge } from '../../checker/judge.ts';
import { sha256 } from '../../checker/records.ts';
import { removes, soundFacts } from '../support/checker-facts.ts';

const HELLO = Buffer.from('hello\n');
const NOTHING: StreamFacts = stream({});
const LONG = sha256(Buffer.from('long'));

function stream({ bytes = 0, lost = 0, chunks = 0, text = '' }): StreamFacts {
  return { bytes, lost, chunks, inline: { bytes: text.length, sha256: sha256(Buffer.from(text)) } };
}

/**
 * The two correct jobs: the first has printed `hello`, which is in its record, the second 300 bytes in three chunks.
 */
function printedFacts(): Facts {
  const facts = soundFacts();
  return {
    ...facts,
    journal: facts.journal.map((line) =>
      line.event === 'end'
        ? { ...line, printed: { stdout: line.job === 'm-1' ? sha256(HELLO) : LONG, stderr: sha256() } }
        : line,
    ),
    records: [
      { id: 'm-1', state: 'succeeded', tries: [inRecord()] },
      { id: 'm-2', state: 'succeeded', tries: [inBucket()] },
    ],
    logs: [log()],
  };
}

const inRecord = (stdout = stream({ bytes: 6, text: 'hello\n' })): TryFacts => ({
  key: 'k1',
  startedMs: 900,
  ended: true,
  exitStatus: 0,
  log: { stdout, stderr: NOTHING },
});
const inBucket = (stdout = stream({ bytes: 300, chunks: 3 })): TryFacts => ({
  ...inRecord(stdout),
  key: 'k2',
});

function log(change: Partial<LogFacts> = {}): LogFacts {
  return {
    job: 'm-2',
    key: 'k2',
    chunks: { stdout: sizes([1, 2, 3]), stderr: new Map() },
    index: { numbers: [1, 2], text: '1000 1 150\n1100 1 100\n1200 1 50\n' },
    sha256: { stdout: LONG, stderr: sha256() },
    ...change,
  };
}

const sizes = (numbers: number[]): Map<number, number> => new Map(numbers.map((number) => [number, 100]));
const chunks = (...numbers: number[]) => ({ stdout: sizes(numbers), stderr: new Map<number, number>() });

const withTry =
  (one: TryFacts) =>
  (facts: Facts): Partial<Facts> => ({
    records: [...(facts.records ?? []).slice(0, 1), { id: 'm-2', state: 'succeeded', tries: [one] }],
  });
const withFirst =
  (...tries: TryFacts[]) =>
  (facts: Facts): Partial<Facts> => ({
    records: [{ id: 'm-1', state: 'succeeded', tries }, ...(facts.records ?? []).slice(1)],
  });
const withLog = (change: Partial<LogFacts>) => (): Partial<Facts> => ({ logs: [log(change)] });

describe('logs that do not agree are found', () => {
  it.each<[string, (facts: Facts) => Partial<Facts>, [Rule, string][]]>([
    [
      'fewer bytes in the record than were counted',
      withFirst(inRecord(stream({ bytes: 7, text: 'hello\n' }))),
      [['log-broken', 'm-1']],
    ],
    [
      'other bytes than were printed',
      withFirst(inRecord(stream({ bytes: 6, text: 'hallo\n' }))),
      [['log-broken', 'm-1']],
    ],
    ['other bytes in the bucket', withLog({ sha256: { stdout: sha256(HELLO) } }), [['log-broken', 'm-2']]],
    ['no log where one was counted', () => ({ logs: [] }), [['log-broken', 'm-2']]],
    [
      'a chunk too few',
      withLog({ chunks: chunks(1, 2) }),
      [
        ['log-broken', 'm-2'],
        ['log-broken', 'm-2'],
      ],
    ],
    [
      'a chunk too many',
      withLog({ chunks: chunks(1, 2, 3, 4) }),
      [
        ['log-broken', 'm-2'],
        ['log-broken', 'm-2'],
      ],
    ],
    [
      'a gap',
      withLog({ chunks: chunks(1, 2, 4) }),
      [
        ['log-broken', 'm-2'],
        ['log-broken', 'm-2'],
      ],
    ],
    ['chunks of another size', withTry(inBucket(stream({ bytes: 301, chunks: 3 }))), [['log-broken', 'm-2']]],
    ['a gap in the index', withLog({ index: { ...log().index, numbers: [1, 3] } }), [['log-broken', 'm-2']]],
    [
      'an index that is behind',
      withLog({ index: { numbers: [1], text: '1000 1 150\n' } }),
      [['log-broken', 'm-2']],
    ],
    [
      'an index of more than there is, even of a try that was lost',
      (facts) => ({
        ...withTry({ ...inBucket(), ended: false })(facts),
        ...withLog({ index: { numbers: [1], text: '1000 1 301\n' } })(),
      }),
      [['log-broken', 'm-2']],
    ],
    [
      'an index that is none',
      withLog({ index: { numbers: [1], text: 'nonsense\n' } }),
      [['log-broken', 'm-2']],
    ],
    [
      'a log of a job that was cleaned up',
      ({ records = [], calls }) => ({
        records: records.slice(0, 1),
        calls: [...calls, removes('m-2', 5_000)],
      }),
      [['log-left', 'm-2']],
    ],
    [
      'a log of a job whose record says that it was',
      ({ records = [] }) => ({
        records: [...records.slice(0, 1), { id: 'm-2', state: 'succeeded', removed: true }],
      }),
      [['log-left', 'm-2']],
    ],
  ])('%s', (_, change, finds) => {
    const facts = printedFacts();
    const { violations } = judge({ ...facts, ...change(facts) });
    expect(violations.map(({ rule, subject }) => [rule, subject])).toEqual(finds);
  });
});

describe('logs that agree have no violation', () => {
  it.each<[string, (facts: Facts) => Partial<Facts>]>([
    ['one in the record, one in the bucket', () => ({})],
    ['the bucket was not read', () => ({ logs: undefined })],
    [
      'what was lost is told',
      (facts) => ({
        ...withTry(inBucket(stream({ bytes: 350, chunks: 3, lost: 50 })))(facts),
        ...withLog({ index: { numbers: [1], text: '1000 1 300\n1100 1 -50\n' } })(),
      }),
    ],
    [
      'a chunk that was given up, and is there all the same',
      (facts) => ({
        ...withTry(inBucket(stream({ bytes: 300, chunks: 2, lost: 100 })))(facts),
      }),
    ],
    [
      'a try that was lost: the bucket has more than the record knows',
      withTry({
        key: 'k2',
        startedMs: 900,
        ended: false,
        log: { stdout: stream({ bytes: 90 }), stderr: NOTHING },
      }),
    ],
    [
      'an older try of which the counts are kept',
      (facts) => {
        const older: TryFacts = { ...inRecord(stream({ bytes: 99 })), key: 'k0', startedMs: 100 };
        return withFirst(older, inRecord())(facts);
      },
    ],
  ])('%s', (_, change) => {
    const facts = printedFacts();
    expect(judge({ ...facts, ...change(facts) }).violations).toEqual([]);
  });
});
