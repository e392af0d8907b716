import { PurgeQueueCommand, PurgeQueueInProgress } from '@aws-sdk/client-sqs';
import { BodyUnusable, bodyStore } from '../../store/bodies.ts';
import type { FleetContext } from '../context.ts';
import type { DeadLetter } from './dead-letter.ts';
import { type Choice, chooser, matches } from './choice.ts';
import type {
  DeadLetterList,
  ListLettersOptions,
  Purged,
  PurgeOptions,
  RedriveOptions,
  RedriveResult,
} from './options.ts';
import { redriveDeadLetters } from './redrive.ts';
import { countDeadLetters, deadLetterQueueOf, Sweep } from './sweep.ts';
import { FleetError, NoDeadLetter } from '../errors.ts';
import { explained } from '../explain.ts';
import { refuseUnknown } from '../known-options.ts';
import { catalogueOf } from '../job-records.ts';

export type { DeadLetter } from './dead-letter.ts';
export type {
  DeadLetterList,
  ListLettersOptions,
  Purged,
  PurgeOptions,
  Redriven,
  RedriveOptions,
  RedriveResult,
} from './options.ts';

const LIST_LIMIT = 100;

/**
 * The jobs that a fleet gave up. Whoever looks at them hides them from others who look at the same time, for a moment:
 * SQS has no other way.
 */
export class DeadLetters {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** About how many there are. */
  count(): Promise<number> {
    return this.#do(countDeadLetters);
  }

  /** What is there, in no order. */
  list(options: ListLettersOptions = {}): Promise<DeadLetterList> {
    return this.#do(async (context) => {
      refuseUnknown('deadLetters.list', options);
      const { limit = LIST_LIMIT, reason } = options;
      const count = await countDeadLetters(context);
      const seen: DeadLetter[] = [];
      await this.#look((batch) => {
        seen.push(...batch);
        return seen.length >= limit;
      });
      const shown = seen.slice(0, limit);
      return {
        letters: shown.filter((letter) => matches(letter, reason)),
        unseen: Math.max(0, count - shown.length, seen.length - shown.length),
      };
    });
  }

  /** The dead letter of a job, by its id or the message's, with the body that the worker got. Rejects with `NoDeadLetter`. */
  show(id: string): Promise<DeadLetter> {
    return this.#do(async (context) => {
      const { clients, facts } = context;
      const { takes } = chooser({ ids: [id] });
      let found: DeadLetter | undefined;
      await this.#look((batch) => {
        found = batch.find(takes);
        return found !== undefined;
      });
      if (!found) throw new NoDeadLetter(`No dead letter of fleet ${facts.fleet} is there of ${id}.`);
      if (found.bodyKey === undefined) return found;
      const job = found.job?.id ?? '';
      const record = facts.trackJobs ? (await catalogueOf(context).getMany([job])).get(job) : undefined;
      try {
        const body = await bodyStore(clients.s3, facts.logBucket).get(job, record?.bodyDigest);
        return { ...found, body };
      } catch (error) {
        if (!(error instanceof BodyUnusable)) throw error;
        return { ...found, problem: error.message };
      }
    });
  }

  /** Makes new jobs of them; see `redriveDeadLetters`. */
  redrive(options: RedriveOptions): Promise<RedriveResult> {
    return this.#do((context) => {
      refuseUnknown('deadLetters.redrive', options);
      return redriveDeadLetters(context, options);
    });
  }

  /**
   * Deletes them for good: all there are, which SQS does once a minute at most and is a minute about, or those that are
   * chosen.
   */
  purge(options: PurgeOptions): Promise<Purged> {
    return this.#do((context) => {
      refuseUnknown('deadLetters.purge', options);
      const choice = chooser(options);
      if (options.all && !options.dryRun) return purgeAll(context);
      return purgeSome(context, choice, options.dryRun ?? false);
    });
  }

  /** Looks through them until `done`. Nothing is taken. */
  async #look(done: (batch: DeadLetter[]) => boolean): Promise<void> {
    const sweep = new Sweep(this.#context);
    try {
      for await (const batch of sweep.batches()) if (done(batch)) return;
    } finally {
      await sweep.close();
    }
  }

  #do<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    const { facts } = this.#context;
    const { deadLetterQueueUrl = facts.queueUrl } = facts;
    return explained({ ...facts, queueUrl: deadLetterQueueUrl }, () => run(this.#context));
  }
}

async function purgeAll(context: FleetContext): Promise<Purged> {
  const count = await countDeadLetters(context);
  try {
    await context.clients.sqs.send(new PurgeQueueCommand({ QueueUrl: deadLetterQueueOf(context) }));
  } catch (cause) {
    if (!(cause instanceof PurgeQueueInProgress)) throw cause;
    throw new FleetError(
      'The dead-letter queue was purged less than a minute ago, and SQS does that once a minute: try again then.',
      { cause },
    );
  }
  return { count, ids: [], missing: [], unseen: 0 };
}

async function purgeSome(context: FleetContext, choice: Choice, dryRun: boolean): Promise<Purged> {
  const sweep = new Sweep(context);
  const total = choice.isNamed ? 0 : await countDeadLetters(context);
  const ids: string[] = [];
  try {
    for await (const batch of sweep.batches()) {
      const chosen = batch.filter(choice.takes);
      if (!dryRun) await sweep.remove(chosen);
      ids.push(...chosen.map(({ id }) => id));
      if (choice.isComplete()) break;
    }
  } finally {
    await sweep.close();
  }
  const unseen = Math.max(0, total - sweep.seen);
  return { count: ids.length, ids, missing: choice.missing(), unseen };
}
