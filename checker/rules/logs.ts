import { findRemovals } from '../calls.ts';
import type { Facts, LogFacts, RecordFacts, Stream, StreamFacts, TryFacts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { findTry } from '../tries.ts';

const STREAMS: readonly Stream[] = ['stdout', 'stderr'];

/**
 * The logs in records and bucket agree with each other and with what the workers printed, and removed jobs have none.
 */
export function judgeLogs(facts: Facts, runs: readonly Run[]): Violation[] {
  const records = new Map((facts.records ?? []).map((record) => [record.id, record]));
  const inBucket = new Map((facts.logs ?? []).map((log) => [`${log.job}/${log.key}`, log]));
  const ofRecords = [...records.values()].flatMap((record) =>
    (record.tries ?? []).flatMap((one) => {
      const log = inBucket.get(`${record.id}/${one.key}`);
      const wrong = [
        ...countsWrong(one, record, facts.logs ? log : 'unseen'),
        ...printedWrong(one, record, log, runs),
      ];
      return wrong.map((message) => broken(record.id, `of try ${one.key} ${message}`));
    }),
  );
  return [
    ...ofRecords,
    ...[...inBucket.values()].flatMap((log) => ofBucket(log, records.get(log.job), facts)),
  ];
}

/** What is wrong with the log of an ended try. The record of a running or lost try may count less than was written. */
function countsWrong(one: TryFacts, record: RecordFacts, log: LogFacts | 'unseen' | undefined): string[] {
  if (!one.log || !one.ended) return [];
  const recorded = one.log;
  const isLast = record.tries?.at(-1) === one;
  return STREAMS.flatMap((stream) => {
    const { bytes, lost, chunks, inline } = recorded[stream];
    if (chunks === 0) {
      // For older tries a record keeps only the counts.
      const dropped = inline.bytes === 0 && !isLast;
      const wrong = !dropped && inline.bytes + lost !== bytes;
      return wrong ? [`the record has ${inline.bytes} of ${bytes} bytes of ${stream}`] : [];
    }
    if (log === 'unseen') return [];
    const sizes = log?.chunks[stream] ?? new Map<number, number>();
    // A chunk whose upload got no answer counts as lost, and may exist.
    const tooMany = sizes.size > chunks && lost === 0;
    if (sizes.size < chunks || tooMany)
      return [`the bucket has ${sizes.size} of ${chunks} chunks of ${stream}`];
    const there = sum([...sizes].filter(([number]) => number <= chunks).map(([, size]) => size));
    return there + lost === bytes ? [] : [`the bucket has ${there} of ${bytes - lost} bytes of ${stream}`];
  });
}

function ofBucket(log: LogFacts, record: RecordFacts | undefined, facts: Facts): Violation[] {
  if (record ? record.removed : findRemovals(log.job, facts.calls).length > 0) {
    return [
      {
        rule: 'log-left',
        subject: log.job,
        message: `was removed, and its log ${log.key} still exists`,
      },
    ];
  }
  const numbered = (name: string, numbers: Iterable<number>) =>
    hasGap([...numbers]) ? [broken(log.job, `of try ${log.key} has a gap in its numbers of ${name}`)] : [];
  return [
    ...STREAMS.flatMap((stream) => numbered(stream, log.chunks[stream].keys())),
    ...numbered('index', log.index.numbers),
    ...indexWrong(
      log,
      record?.tries?.find(({ key }) => key === log.key),
    ),
  ];
}

/** The index is written after its chunks. So it may be behind if the agent ended or the bucket refused the write. */
function indexWrong(log: LogFacts, one: TryFacts | undefined): Violation[] {
  const lines = log.index.text.split('\n').slice(0, -1);
  const malformed = lines.find((line) => !/^\d+ [12] -?\d+$/.test(line));
  if (malformed !== undefined) return [broken(log.job, `has '${malformed}' in its index`)];
  const whole = one?.ended && STREAMS.every((stream) => one.log?.[stream].lost === 0);
  return STREAMS.flatMap((stream, position) => {
    const mine = lines.map((line) => line.split(' ')).filter(([, which]) => which === String(position + 1));
    const indexed = sum(mine.map(([, , bytes]) => Math.max(0, Number(bytes))));
    const stored = sum([...log.chunks[stream].values()]);
    if (whole ? indexed === stored : indexed <= stored) return [];
    const message = `of try ${log.key} has an index of ${indexed} bytes of ${stream}, and chunks of ${stored}`;
    return [broken(log.job, message)];
  });
}

/** Compares what a worker printed, by its journal, with what is stored. */
function printedWrong(
  one: TryFacts,
  record: RecordFacts,
  log: LogFacts | undefined,
  runs: readonly Run[],
): string[] {
  const run = runs.find((candidate) => candidate.job === record.id && findTry(candidate, record) === one);
  if (!run?.printed || !one.log || !one.ended) return [];
  const { printed, log: recorded } = { printed: run.printed, log: one.log };
  return STREAMS.flatMap((stream) => {
    const wanted = printed[stream];
    const is = storedDigest(recorded[stream], log?.sha256?.[stream]);
    return wanted === undefined || is === undefined || is === wanted
      ? []
      : [`${stream} is not what the worker printed`];
  });
}

/** Undefined: the stream is not stored completely, or was not read. */
function storedDigest(
  { bytes, lost, chunks, inline }: StreamFacts,
  inBucket: string | undefined,
): string | undefined {
  if (lost > 0) return undefined;
  if (chunks > 0) return inBucket;
  return inline.bytes === bytes ? inline.sha256 : undefined;
}

function hasGap(numbers: number[]): boolean {
  return numbers.length > 0 && Math.max(...numbers) !== numbers.length;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function broken(job: string, message: string): Violation {
  return { rule: 'log-broken', subject: job, message: `the log ${message}` };
}
