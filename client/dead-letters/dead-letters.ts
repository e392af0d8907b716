import { PurgeQueueCommand, PurgeQueueInProgress } from '@aws-sdk/client-sqs';
import { BodyUnusableError, createBodyStore } from '../../store/body-store.ts';
import type { FleetContext } from '../context.ts';
import { FleetError, NoDeadLetterError } from '../errors.ts';
import { withExplainedErrors } from '../explain.ts';
import { createJobIndex } from '../job-records.ts';
import { refuseUnknown } from '../known-options.ts';
import type {
  DeadLetterList,
  ListDeadLettersOptions,
  Purged,
  PurgeOptions,
  RedriveOptions,
  RedriveResult,
} from './options.ts';
import type { DeadLetter } from './parse.ts';
import { countDeadLetters, DeadLetterReader, requireDeadLetterQueue } from './reader.ts';
import { redriveDeadLetters } from './redrive.ts';
import { createSelector, type DeadLetterSelector, matchesReason } from './selection.ts';

export type {
  DeadLetterList,
  ListDeadLettersOptions,
  Purged,
  PurgeOptions,
  Redriven,
  RedriveOptions,
  RedriveResult,
} from './options.ts';
export type { DeadLetter } from './parse.ts';

const LIST_LIMIT = 100;

/**
 * The dead-letter queue of a fleet. SQS shows a message only to its receiver, so a call hides the messages from other
 * receivers until it is done.
 *
 * Methods reject with a `FleetError` if the dead-letter queue is not known.
 */
export class DeadLetters {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Approximate number of dead letters, including those that are in flight. */
  count(): Promise<number> {
    return this.#run(countDeadLetters);
  }

  /** Lists dead letters, in no particular order. */
  list(options: ListDeadLettersOptions = {}): Promise<DeadLetterList> {
    return this.#run(async (context) => {
      refuseUnknown('deadLetters.list', options);
      const { limit = LIST_LIMIT, reason } = options;
      const count = await countDeadLetters(context);
      const received: DeadLetter[] = [];
      await this.#receive((batch) => {
        received.push(...batch);
        return received.length >= limit;
      });
      const shown = received.slice(0, limit);
      return {
        deadLetters: shown.filter((deadLetter) => matchesReason(deadLetter, reason)),
        remaining: Math.max(0, count - shown.length, received.length - shown.length),
      };
    });
  }

  /**
   * One dead letter with its whole body.
   *
   * Rejects with `NoDeadLetterError`.
   *
   * @param id of the job or of the message
   */
  show(id: string): Promise<DeadLetter> {
    return this.#run(async (context) => {
      const { clients, facts } = context;
      const { selects } = createSelector({ ids: [id] });
      let found: DeadLetter | undefined;
      await this.#receive((batch) => {
        found = batch.find(selects);
        return found !== undefined;
      });
      if (!found) throw new NoDeadLetterError(`There is no dead letter of ${id} in fleet ${facts.fleet}.`);
      if (found.bodyKey === undefined) return found;
      const job = found.job?.id ?? '';
      const record = facts.trackJobs ? (await createJobIndex(context).getMany([job])).get(job) : undefined;
      try {
        const body = await createBodyStore(clients.s3, facts.logBucket).get(job, record?.bodyDigest);
        return { ...found, body };
      } catch (error) {
        if (!(error instanceof BodyUnusableError)) throw error;
        return { ...found, problem: error.message };
      }
    });
  }

  /**
   * Enqueues new jobs from dead letters and deletes the dead letters. Can be repeated: a dead letter always becomes the
   * same job.
   *
   * Rejects with `WrongOptionError` if no dead letters are selected, or if `to` is another queue than the fleet's.
   */
  redrive(options: RedriveOptions): Promise<RedriveResult> {
    return this.#run((context) => {
      refuseUnknown('deadLetters.redrive', options);
      return redriveDeadLetters(context, options);
    });
  }

  /**
   * Deletes dead letters, all or those that are selected. SQS purges all at most once in 60 seconds, and needs up to 60
   * seconds to do it.
   *
   * Rejects with `WrongOptionError` if no dead letters are selected, with `FleetError` if SQS was asked to purge all
   * less than a minute ago.
   */
  purge(options: PurgeOptions): Promise<Purged> {
    return this.#run((context) => {
      refuseUnknown('deadLetters.purge', options);
      const choice = createSelector(options);
      if (options.all && !options.dryRun) return purgeAll(context);
      return purgeSome(context, choice, options.dryRun ?? false);
    });
  }

  /** Receives dead letters until `done` returns true, and returns them to the queue. */
  async #receive(done: (batch: DeadLetter[]) => boolean): Promise<void> {
    const sweep = new DeadLetterReader(this.#context);
    try {
      for await (const batch of sweep.batches()) if (done(batch)) return;
    } finally {
      await sweep.close();
    }
  }

  #run<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    const { facts } = this.#context;
    const { deadLetterQueueUrl = facts.queueUrl } = facts;
    return withExplainedErrors({ ...facts, queueUrl: deadLetterQueueUrl }, () => run(this.#context));
  }
}

async function purgeAll(context: FleetContext): Promise<Purged> {
  const count = await countDeadLetters(context);
  try {
    await context.clients.sqs.send(new PurgeQueueCommand({ QueueUrl: requireDeadLetterQueue(context) }));
  } catch (cause) {
    if (!(cause instanceof PurgeQueueInProgress)) throw cause;
    throw new FleetError(
      'The dead-letter queue was purged less than a minute ago. SQS purges a queue once a minute at most. Try again in a minute.',
      { cause },
    );
  }
  return { count, ids: [], missing: [], remaining: 0 };
}

async function purgeSome(
  context: FleetContext,
  choice: DeadLetterSelector,
  dryRun: boolean,
): Promise<Purged> {
  const sweep = new DeadLetterReader(context);
  const total = choice.hasIds ? 0 : await countDeadLetters(context);
  const ids: string[] = [];
  try {
    for await (const batch of sweep.batches()) {
      const chosen = batch.filter(choice.selects);
      if (!dryRun) await sweep.remove(chosen);
      ids.push(...chosen.map(({ id }) => id));
      if (choice.isComplete()) break;
    }
  } finally {
    await sweep.close();
  }
  const remaining = Math.max(0, total - sweep.receivedCount);
  return { count: ids.length, ids, missing: choice.missing(), remaining };
}
