import { jobId } from '../../../client/enqueue/ids.ts';
import { NotAllSentError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { messageOf } from '../../../lib/error-message.ts';
import { CliError } from '../../error.ts';
import { ExitCode } from '../../exit-code.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { print, printJsonLine } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { type JobsFile, type LineJob, readJobsFile } from './jobs-file.ts';
import type { SentJournal } from './journal.ts';
import type { EnqueueOptions } from './options.ts';
import type { ResumeAdvice } from './spool.ts';

export interface SendJobsOptions {
  fleet: Fleet;
  file: JobsFile;
  journal: SentJournal;
  /** The number of jobs in the file, and how many of them earlier runs have sent. */
  total: number;
  sentBefore: number;
  options: EnqueueOptions;
  /** Called if not all jobs could be sent. */
  keepUnsent: () => ResumeAdvice;
}

/** A job that was sent: a line of `--json`. */
interface SentJob {
  line: number;
  id: string;
  deduplicated: boolean;
}

/**
 * Sends the jobs that the journal does not have yet. Unless the command waits for them, it prints the ids of all jobs in
 * the order of the file.
 *
 * @returns the ids
 * @throws CliError that says exactly what was sent, if not all jobs could be sent
 */
export async function sendJobs(sending: SendJobsOptions): Promise<string[]> {
  const { fleet, file, journal, total, options } = sending;
  const printer = new OrderedPrinter(options);
  const progress = createProgress();
  const state = new SendState(sending.sentBefore);
  const show = () => {
    progress.show({ text: `${state.done} of ${countOf(total, 'job')} sent`, done: state.done, total });
  };
  async function* jobs() {
    for await (const job of readJobsFile(file)) {
      const { line, key, dedupe } = job;
      const number = state.add(line);
      if (journal.has(key)) {
        state.sent.add(number);
        printer.add(number, { line, id: jobId(journal.seed, key, dedupe), deduplicated: false });
      } else {
        state.unsent.set(number, key);
      }
      yield toNewJob(job, options);
    }
  }
  const send = (signal: AbortSignal) =>
    fleet.enqueueMany(jobs(), {
      seed: journal.seed,
      skip: (number) => state.sent.has(number),
      jobKey: (number) => state.unsent.get(number) ?? '',
      resumed: journal.resumed,
      keepIds: false,
      signal,
      onSent(sent) {
        journal.add(state.markSent(sent.map(({ number }) => number)));
        for (const { number, id, deduplicated } of sent) {
          printer.add(number, { line: state.lineOf(number), id, deduplicated });
        }
        show();
      },
    });
  show();
  try {
    await runInterruptibly(send, 'stopped by Ctrl-C');
  } catch (error) {
    throw explainUnsent(error, sending, state);
  } finally {
    progress.end();
    printer.end();
  }
  return printer.ids;
}

/** Which jobs of the file were sent, by their numbers in it, from 1. */
class SendState {
  readonly sent = new Set<number>();
  /** Number to key. */
  readonly unsent = new Map<number, string>();
  readonly #lines: number[] = [];
  #done: number;

  constructor(before: number) {
    this.#done = before;
  }

  /** How many were sent, by this run and by earlier ones. */
  get done(): number {
    return this.#done;
  }

  get sentLines(): number[] {
    return this.#lines.filter((_, index) => this.sent.has(index + 1));
  }

  /** @returns the number of the job */
  add(line: number): number {
    return this.#lines.push(line);
  }

  lineOf(number: number): number {
    return this.#lines[number - 1] ?? number;
  }

  /** @returns the keys of these jobs */
  markSent(numbers: readonly number[]): string[] {
    this.#done += numbers.length;
    return numbers.map((number) => {
      const key = this.unsent.get(number) ?? '';
      this.unsent.delete(number);
      this.sent.add(number);
      return key;
    });
  }
}

export function toNewJob({ body, async, delay, dedupe, ...own }: LineJob, options: EnqueueOptions) {
  const limitSeconds = async ?? options.async;
  const delaySeconds = delay ?? options.delay;
  const label = own.label ?? options.label;
  const group = own.group ?? options.group;
  const target = own.target ?? options.target;
  return {
    body,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(delaySeconds !== undefined && { delaySeconds }),
    ...(dedupe !== undefined && { dedupe }),
    ...(label !== undefined && { label }),
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
  };
}

/** Prints sent jobs in the order of the file. Batches can be sent in another order. */
class OrderedPrinter {
  readonly ids: string[] = [];
  /** Jobs that are sent, while one before them is not. */
  readonly #waiting = new Map<number, SentJob>();
  readonly #options: EnqueueOptions;
  #next = 1;

  constructor(options: EnqueueOptions) {
    this.#options = options;
  }

  add(number: number, job: SentJob): void {
    this.#waiting.set(number, job);
    for (let next = this.#waiting.get(this.#next); next; next = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#next += 1;
      this.#print(next);
    }
  }

  /** Prints also those that waited for a job that was never sent. */
  end(): void {
    for (const [, job] of [...this.#waiting].sort(([a], [b]) => a - b)) this.#print(job);
    this.#waiting.clear();
  }

  #print(job: SentJob): void {
    this.ids.push(job.id);
    if (this.#options.poll > 0) return;
    if (this.#options.json) printJsonLine(job);
    else print(job.id);
  }
}

/** The error for a person: which jobs were sent, why the others were not, and how to send them. */
function explainUnsent(
  error: unknown,
  { file, total, keepUnsent }: SendJobsOptions,
  state: SendState,
): unknown {
  const interrupted = error instanceof CliError && error.status === ExitCode.interrupted;
  if (!(error instanceof NotAllSentError || interrupted)) return error;
  const sent = state.sentLines;
  const unknown =
    error instanceof NotAllSentError ? error.sent.unknown.map((number) => state.lineOf(number)) : [];
  const where = sent.length > 0 ? ` (${rangesInWords(sent)})` : '';
  const unsure = unknown.length > 0 ? `; whether ${rangesInWords(unknown)} were sent is unknown` : '';
  const why = interrupted ? 'It was stopped by Ctrl-C.' : asSentence(error.cause);
  const status = interrupted ? ExitCode.interrupted : ExitCode.failed;
  const { sentence, journalPath } = keepUnsent();
  return new CliError(
    `${sent.length} of the ${countOf(total, 'job')} of ${file.name} were sent${where}${unsure}. ${why} ${sentence} ` +
      `What was sent is in ${journalPath}; a job that is sent twice runs once.`,
    status,
  );
}

function asSentence(cause: unknown): string {
  const message = messageOf(cause);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

const MOST_RANGES = 8;

/** `[1, 2, 3, 7]` as `[[1, 3], [7, 7]]`. */
export function toRanges(numbers: Iterable<number>): [number, number][] {
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
  const ranges = toRanges(lines);
  const shown = ranges
    .slice(0, MOST_RANGES)
    .map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const more = ranges.length > MOST_RANGES ? ` and ${ranges.length - MOST_RANGES} more ranges` : '';
  return `${lines.length === 1 ? 'line' : 'lines'} ${shown.join(', ')}${more}`;
}
