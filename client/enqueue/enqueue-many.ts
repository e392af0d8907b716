import { enqueueBlock, type Numbered, type Outcome } from './block.ts';
import { blocks } from './blocks.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { NotAllSent, type Sent, WrongOption } from '../errors.ts';
import { drawSeed, isSeed } from './ids.ts';
import type { ManyOptions, NewJob, SentJob } from './options.ts';

export interface EnqueuedMany {
  seed: string;
  /** Jobs that this run enqueued, those that there were already included. */
  count: number;
  deduplicated: number;
  /** In the order of the input. Empty without `keepIds`. */
  ids: string[];
}

/** Blocks under way at the same time. */
const MOST_BLOCKS = 4;

/**
 * Enqueues many jobs, each by its record first and then its message, in batches of which several are under way. The
 * input is read only as fast as it is sent.
 *
 * Rejects with `NotAllSent`, which tells what was sent and what was not: for a bad job as for a queue that is gone.
 */
export async function enqueueMany(
  context: FleetContext,
  jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
  options: ManyOptions,
): Promise<EnqueuedMany> {
  const run = new Run(context, options);
  if (context.facts.trackJobs) await awsTime(context);
  try {
    for await (const block of blocks(context, jobs, { ...options, seed: run.seed })) {
      await run.start(block);
      if (run.hasFailed) break;
    }
  } catch (error) {
    run.fail(error);
  }
  return run.end();
}

/** One run: blocks under way, and what is known of those that have ended, in the order of the input. */
class Run {
  readonly seed: string;
  readonly #context: FleetContext;
  readonly #options: ManyOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Told in order: each block waits for the one before. */
  #told: Promise<void> = Promise.resolve();
  #result: EnqueuedMany;
  #failure: { cause: unknown } | undefined;
  #firstUnsent: number | undefined;
  #also: number[] = [];
  #unknown: number[] = [];
  #read = 0;

  constructor(context: FleetContext, options: ManyOptions) {
    this.seed = options.seed ?? drawSeed();
    if (!isSeed(this.seed)) {
      throw new WrongOption(`The seed ${this.seed} is none: it takes 1 to 100 letters and digits.`);
    }
    this.#context = context;
    this.#options = options;
    this.#result = { seed: this.seed, count: 0, deduplicated: 0, ids: [] };
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Begins with a block, as soon as there is room for it. */
  async start(block: readonly Numbered[]): Promise<void> {
    while (this.#underWay.size >= MOST_BLOCKS) await Promise.race(this.#underWay);
    if (this.hasFailed) return;
    this.#read = block.at(-1)?.number ?? this.#read;
    const outcomes = enqueueBlock(this.#context, block, this.#options.resumed ?? false);
    const told = this.#told.then(async () => this.#tell(await outcomes)).catch((error) => this.fail(error));
    this.#told = told;
    this.#underWay.add(told);
    void told.then(() => this.#underWay.delete(told));
  }

  fail(cause: unknown): void {
    this.#failure ??= { cause };
  }

  async end(): Promise<EnqueuedMany> {
    await this.#told;
    if (!this.#failure) return this.#result;
    const { cause } = this.#failure;
    const through = (this.#firstUnsent ?? this.#read + 1) - 1;
    const sent = { seed: this.seed, through, also: this.#also, unknown: this.#unknown, read: this.#read };
    throw new NotAllSent(sentence(sent, cause), sent, cause);
  }

  async #tell(outcomes: readonly Outcome[]): Promise<void> {
    const sent: SentJob[] = [];
    for (const { number, order, sending, deduplicated } of outcomes) {
      if (sending.kind === 'sent') {
        sent.push({ number, id: order.id, deduplicated });
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

function sentence({ seed, through, also, unknown }: Sent, cause: unknown): string {
  const why = cause instanceof Error ? cause.message : String(cause);
  const others = also.length > 0 ? `, and ${also.length} of those after it` : '';
  const unsure = unknown.length > 0 ? `; of ${unknown.length} nobody can say` : '';
  const sent = through === 0 && also.length === 0 ? 'None was' : `Jobs up to number ${through} were${others}`;
  return `Not all jobs were enqueued. ${sent}${unsure}. ${why} A run with seed ${seed} that is told to resume sends the rest.`;
}
