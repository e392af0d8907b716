import { messageOf } from '../../../lib/error-message.ts';
import { ExitCode } from '../../exit-code.ts';
import { Failure } from '../../failure.ts';
import { NotAllSent } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { jobId } from '../../../client/enqueue/ids.ts';
import { type JobsFile, type LineJob, readJobs } from './jobs-file.ts';
import type { SentJournal } from './sent-journal.ts';
import { print, printJsonLine } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { count } from '../../terminal/words.ts';
import type { EnqueueOptions } from './enqueue.ts';
import { untilInterrupted } from '../interrupt.ts';
import type { Rest } from './stdin-jobs.ts';

export interface Sending {
  fleet: Fleet;
  file: JobsFile;
  journal: SentJournal;
  /** Jobs in the file, and how many of them earlier runs have sent. */
  total: number;
  before: number;
  options: EnqueueOptions;
  /** Called if it breaks off. */
  rest: () => Rest;
}

/** What is known of a job that was sent. */
interface Told {
  line: number;
  id: string;
  deduplicated: boolean;
}

/**
 * Sends what the journal does not have yet, and prints the ids of all in the order of the file, unless they are waited
 * for.
 *
 * @returns the ids
 * @throws Failure that says exactly what was sent, when it breaks off
 */
export async function sendJobs(sending: Sending): Promise<string[]> {
  const { fleet, file, journal, total, options } = sending;
  const teller = new Teller(options);
  const progress = createProgress();
  const course = new Course(sending.before);
  const show = () => {
    progress.show({ text: `${course.done} of ${count(total, 'job')} sent`, done: course.done, total });
  };
  async function* jobs() {
    for await (const job of readJobs(file)) {
      const { line, key, dedupe } = job;
      const number = course.read(line);
      if (journal.has(key)) {
        course.sent.add(number);
        teller.tell(number, { line, id: jobId(journal.seed, key, dedupe), deduplicated: false });
      } else {
        course.unsent.set(number, key);
      }
      yield newJob(job, options);
    }
  }
  const send = (signal: AbortSignal) =>
    fleet.enqueueMany(jobs(), {
      seed: journal.seed,
      skip: (number) => course.sent.has(number),
      keyOf: (number) => course.unsent.get(number) ?? '',
      resumed: journal.resumed,
      keepIds: false,
      signal,
      onSent(sent) {
        journal.add(course.wereSent(sent.map(({ number }) => number)));
        for (const { number, id, deduplicated } of sent) {
          teller.tell(number, { line: course.lineOf(number), id, deduplicated });
        }
        show();
      },
    });
  show();
  try {
    await untilInterrupted(send, 'stopped by Ctrl-C');
  } catch (error) {
    throw brokenOff(error, sending, course);
  } finally {
    progress.end();
    teller.end();
  }
  return teller.ids;
}

/** What has become of the file's jobs, by their numbers in it, from 1. */
class Course {
  readonly sent = new Set<number>();
  /** Their keys. */
  readonly unsent = new Map<number, string>();
  readonly #lines: number[] = [];
  #done: number;

  constructor(before: number) {
    this.#done = before;
  }

  /** Those that earlier runs sent included. */
  get done(): number {
    return this.#done;
  }

  get sentLines(): number[] {
    return this.#lines.filter((_, index) => this.sent.has(index + 1));
  }

  read(line: number): number {
    return this.#lines.push(line);
  }

  lineOf(number: number): number {
    return this.#lines[number - 1] ?? number;
  }

  wereSent(numbers: readonly number[]): string[] {
    this.#done += numbers.length;
    return numbers.map((number) => {
      const key = this.unsent.get(number) ?? '';
      this.unsent.delete(number);
      this.sent.add(number);
      return key;
    });
  }
}

export function newJob({ body, async, delay, dedupe, ...own }: LineJob, options: EnqueueOptions) {
  const limitSeconds = async ?? options.async;
  const delaySeconds = delay ?? options.delay;
  const label = own.label ?? options.label;
  return {
    body,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(delaySeconds !== undefined && { delaySeconds }),
    ...(dedupe !== undefined && { dedupe }),
    ...(label !== undefined && { label }),
  };
}

/** Prints what was sent in the order of the file, however it comes. */
class Teller {
  readonly ids: string[] = [];
  readonly #early = new Map<number, Told>();
  readonly #options: EnqueueOptions;
  #next = 1;

  constructor(options: EnqueueOptions) {
    this.#options = options;
  }

  tell(number: number, told: Told): void {
    this.#early.set(number, told);
    for (let next = this.#early.get(this.#next); next; next = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      this.#next += 1;
      this.#print(next);
    }
  }

  /** No more comes: what is beyond a gap is printed, too. */
  end(): void {
    for (const [, told] of [...this.#early].sort(([a], [b]) => a - b)) this.#print(told);
    this.#early.clear();
  }

  #print(told: Told): void {
    this.ids.push(told.id);
    if (this.#options.poll > 0) return;
    if (this.#options.json) printJsonLine(told);
    else print(told.id);
  }
}

/** What to tell a person when not all was sent: what was, why no more, and how to go on. */
function brokenOff(error: unknown, { file, total, rest }: Sending, course: Course): unknown {
  const interrupted = error instanceof Failure && error.status === ExitCode.interrupted;
  if (!(error instanceof NotAllSent || interrupted)) return error;
  const sent = course.sentLines;
  const unknown =
    error instanceof NotAllSent ? error.sent.unknown.map((number) => course.lineOf(number)) : [];
  const where = sent.length > 0 ? ` (${rangesInWords(sent)})` : '';
  const unsure = unknown.length > 0 ? `; of ${rangesInWords(unknown)} nobody can say` : '';
  const why = interrupted ? 'It was stopped by Ctrl-C.' : sentenceOf(error.cause);
  const status = interrupted ? ExitCode.interrupted : ExitCode.failed;
  const { how, journalPath } = rest();
  return new Failure(
    `${sent.length} of the ${count(total, 'job')} of ${file.name} were sent${where}${unsure}. ${why} ${how} ` +
      `What was sent is in ${journalPath}; a job that is sent twice runs once.`,
    status,
  );
}

function sentenceOf(cause: unknown): string {
  const message = messageOf(cause);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

const MOST_RANGES = 8;

/** `[1, 2, 3, 7]` as `[[1, 3], [7, 7]]`. */
export function rangesOf(numbers: Iterable<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number <= last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** `lines 1 to 40, 51 to 60`. */
function rangesInWords(lines: readonly number[]): string {
  const ranges = rangesOf(lines);
  const shown = ranges
    .slice(0, MOST_RANGES)
    .map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const more = ranges.length > MOST_RANGES ? ` and ${ranges.length - MOST_RANGES} ranges more` : '';
  return `${lines.length === 1 ? 'line' : 'lines'} ${shown.join(', ')}${more}`;
}
