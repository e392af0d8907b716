/** A line that a worker writes about itself: docs/contracts.md, "Journal of a worker". */
export interface JournalLine {
  event: 'start' | 'beat' | 'end';
  job: string;
  attempt: number;
  pid: number;
  /** Epoch milliseconds. */
  atMs: number;
  instance?: string;
  /** The worker's exit status as a shell reports it (128 + n for signal n). Only with `end`. */
  status?: number;
  /** SHA-256, in hex, of everything that it printed. Only with `end`, and only if the worker computes it. */
  printed?: Partial<Record<'stdout' | 'stderr', string>>;
}

/** One run of a worker, combined from its lines. */
export interface Run {
  job: string;
  attempt: number;
  pid: number;
  instance?: string;
  startedMs: number;
  /** The last time that it was known to run: its end, else its last beat, else its start. */
  seenMs: number;
  /** Absent: it was killed or still runs. */
  status?: number;
  printed?: JournalLine['printed'];
}

/**
 * Parses a journal. The last line may be incomplete, because a worker can be killed while it writes. Any other line
 * that cannot be parsed throws an error with its number.
 */
export function parseJournal(text: string): JournalLine[] {
  const lines = text.split('\n');
  const unfinished = lines.pop();
  const parsed = lines.flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index + 1)]));
  return unfinished?.trim() ? [...parsed, ...tryLine(unfinished)] : parsed;
}

/** The runs of a journal by start. The lines of one run have the same job and pid. */
export function groupRuns(lines: readonly JournalLine[]): Run[] {
  const runs: Run[] = [];
  for (const line of lines.toSorted((a, b) => a.atMs - b.atMs)) {
    if (line.event === 'start') {
      const { job, attempt, pid, instance, atMs } = line;
      runs.push({ job, attempt, pid, startedMs: atMs, seenMs: atMs, ...(instance ? { instance } : {}) });
      continue;
    }
    const run = runs.findLast(({ job, pid }) => job === line.job && pid === line.pid);
    if (!run)
      throw new Error(`journal: job ${line.job} has '${line.event}' of pid ${line.pid} without a 'start'`);
    run.seenMs = line.atMs;
    if (line.event !== 'end') continue;
    run.status = line.status ?? 0;
    if (line.printed) run.printed = line.printed;
  }
  return runs;
}

function parseLine(line: string, number: number): JournalLine {
  const value: unknown = tryJson(line);
  if (!isJournalLine(value)) throw new Error(`journal, line ${number}: not an event of a worker: ${line}`);
  return value;
}

function tryLine(line: string): JournalLine[] {
  const value = tryJson(line);
  return isJournalLine(value) ? [value] : [];
}

function tryJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const EVENTS: ReadonlySet<unknown> = new Set(['start', 'beat', 'end']);

function isJournalLine(value: unknown): value is JournalLine {
  if (typeof value !== 'object' || value === null) return false;
  const line = value as Partial<Record<keyof JournalLine, unknown>>;
  return (
    EVENTS.has(line.event) &&
    typeof line.job === 'string' &&
    typeof line.attempt === 'number' &&
    typeof line.pid === 'number' &&
    typeof line.atMs === 'number' &&
    (line.status === undefined || typeof line.status === 'number')
  );
}
