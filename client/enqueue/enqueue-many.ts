import { messageOf } from '../../lib/error-message.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { NotAllSentError, type SentSummary, WrongOptionError } from '../errors.ts';
import { type BlockOutcome, enqueueBlock, type NumberedJob } from './enqueue-block.ts';
import { createSeed, isSeed } from './ids.ts';
import type { EnqueueManyOptions, NewJob, SentJob } from './options.ts';
import { readBlocks } from './read-blocks.ts';

/** Result of `enqueueMany`. */
export interface EnqueuedMany {
  /** Names the run; random if the options gave none. */
  seed: string;
  /** Number of jobs that this run enqueued, including those that were deduplicated. */
  count: number;
  /** Number of jobs whose deduplication key existed already. */
  deduplicated: number;
  /** In the order of the input. Empty with `keepIds: false`. */
  ids: string[];
}

/** Most blocks in progress at the same time. */
const MOST_BLOCKS = 4;

/**
 * Enqueues many jobs in blocks, of which several are in progress at the same time: prepares the jobs of a block, writes
 * their records, sends their messages. Reads the input only as fast as it sends.
 *
 * Rejects with `NotAllSentError` for every failure, which reports what was sent.
 */
export async function enqueueMany(
  context: FleetContext,
  jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
  options: EnqueueManyOptions,
): Promise<EnqueuedMany> {
  const run = new Run(context, options);
  if (context.facts.trackJobs) await awsTime(context);
  try {
    for await (const block of readBlocks(context, jobs, { ...options, seed: run.seed })) {
      await run.start(block);
      if (run.hasFailed) break;
    }
  } catch (error) {
    run.fail(error);
  }
  return run.end();
}

/** One run: the blocks in progress, and the results of the others in the order of the input. */
class Run {
  readonly seed: string;
  readonly #context: FleetContext;
  readonly #options: EnqueueManyOptions;
  readonly #inProgress = new Set<Promise<unknown>>();
  /** Blocks are reported in order: each waits for the one before. */
  #reported: Promise<void> = Promise.resolve();
  #result: EnqueuedMany;
  #failure: { cause: unknown } | undefined;
  #firstUnsent: number | undefined;
  #also: number[] = [];
  #unknown: number[] = [];
  #read = 0;

  constructor(context: FleetContext, options: EnqueueManyOptions) {
    this.seed = options.seed ?? createSeed();
    if (!isSeed(this.seed)) {
      throw new WrongOptionError(
        `The seed ${this.seed} is not valid; a seed has 1 to 100 letters and digits.`,
      );
    }
    this.#context = context;
    this.#options = options;
    this.#result = { seed: this.seed, count: 0, deduplicated: 0, ids: [] };
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Starts a block as soon as fewer than `MOST_BLOCKS` are in progress. */
  async start(block: readonly NumberedJob[]): Promise<void> {
    while (this.#inProgress.size >= MOST_BLOCKS) await Promise.race(this.#inProgress);
    if (this.hasFailed) return;
    this.#read = block.at(-1)?.number ?? this.#read;
    const outcomes = enqueueBlock(this.#context, block, this.#options.resumed ?? false);
    const reported = this.#reported
      .then(async () => this.#report(await outcomes))
      .catch((error) => this.fail(error));
    this.#reported = reported;
    this.#inProgress.add(reported);
    void reported.then(() => this.#inProgress.delete(reported));
  }

  fail(cause: unknown): void {
    this.#failure ??= { cause };
  }

  async end(): Promise<EnqueuedMany> {
    await this.#reported;
    if (!this.#failure) return this.#result;
    const { cause } = this.#failure;
    const through = (this.#firstUnsent ?? this.#read + 1) - 1;
    const sent = { seed: this.seed, through, also: this.#also, unknown: this.#unknown, read: this.#read };
    throw new NotAllSentError(sentence(sent, cause), sent, cause);
  }

  async #report(outcomes: readonly BlockOutcome[]): Promise<void> {
    const sent: SentJob[] = [];
    for (const { number, job, sending, deduplicated } of outcomes) {
      if (sending.kind === 'sent') {
        sent.push({ number, id: job.id, deduplicated });
        if (this.#firstUnsent !== undefined) this.#also.push(number);
        continue;
      }
      this.#firstUnsent ??= number;
      if (sending.kind === 'unknown') this.#unknown.push(number);
      this.fail(sending.cause);
    }
    this.#result.count += sent.length;
    this.#result.deduplicated += sent.filter(({ deduplicated }) => deduplicated).length;
    if (this.#options.keepIds !== false) for (const { id } of sent) this.#result.ids.push(id);
    if (sent.length > 0) await this.#options.onSent?.(sent);
  }
}

function sentence({ seed, through, also, unknown }: SentSummary, cause: unknown): string {
  const why = messageOf(cause);
  const others = also.length > 0 ? `, and ${also.length} of those after it` : '';
  const unsure = unknown.length > 0 ? `; ${unknown.length} may have been sent` : '';
  const sent =
    through === 0 && also.length === 0 ? 'None was sent' : `Jobs up to number ${through} were sent${others}`;
  return `Not all jobs were enqueued. ${sent}${unsure}. ${why} To send the rest, run it again with the seed ${seed} and \`resumed\`.`;
}
