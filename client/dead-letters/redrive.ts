import type { JobRecord } from '../../jobs/record.ts';
import { BodyUnusableError, createBodyStore, ForeignBodyError } from '../../store/body-store.ts';
import { selectRepeatedFields } from '../../store/claim.ts';
import { explainStage, readRepeatedBody } from '../../store/redrive.ts';
import type { FleetContext } from '../context.ts';
import { enqueuePrepared } from '../enqueue/enqueue.ts';
import { deduplicatedId } from '../enqueue/ids.ts';
import type { JobOptions } from '../enqueue/options.ts';
import { prepareJob } from '../enqueue/prepare.ts';
import { BadBodyError, NotTrackedError, WrongOptionError } from '../errors.ts';
import { createJobIndex } from '../job-records.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import type { Redriven, RedriveOptions, RedriveOutcome, RedriveResult } from './options.ts';
import { findOwner } from './origin.ts';
import { type DeadLetter, isFromFleet, queueIdentity } from './parse.ts';
import { countDeadLetters, DeadLetterReader } from './reader.ts';
import { createSelector, type DeadLetterSelector } from './selection.ts';

/**
 * Enqueues a new job from each dead letter, whose record names the old job, and then deletes the dead letter. SQS's own
 * redrive (`StartMessageMoveTask`) cannot select messages, and does not report the new ids before the jobs run.
 *
 * A run that was interrupted can be repeated, because a dead letter always becomes the same new job. A new job that
 * fails during the run stays in the dead-letter queue.
 */
export async function redriveDeadLetters(
  context: FleetContext,
  options: RedriveOptions,
): Promise<RedriveResult> {
  checkDestination(context, options.to);
  const choice = createSelector(options);
  const sweep = new DeadLetterReader(context);
  const how = { takesForeign: options.to !== undefined, dryRun: options.dryRun ?? false };
  const redrive = new Redrive(context, choice, sweep, how);
  const count = choice.hasIds ? 0 : await countDeadLetters(context);
  const outcomes: Redriven[] = [];
  /** New jobs of this run. If one fails during the run, it is not redriven again: it could fail without end. */
  const made = new Set<string>();
  let again = 0;
  try {
    for await (const batch of sweep.batches(options.signal)) {
      const earlier = batch.filter(({ id }) => !made.has(id));
      again += batch.length - earlier.length;
      const chosen = earlier.filter(choice.selects);
      const settled = await redrive.settle(chosen);
      if (!how.dryRun) await sweep.remove(chosen.filter((_, index) => DELETED.has(settled[index]?.outcome)));
      for (const one of settled) {
        if (one.outcome === 'redriven') made.add(one.newId);
        options.onRedrive?.(one);
      }
      outcomes.push(...settled);
      if (choice.isComplete()) break;
      options.signal?.throwIfAborted();
    }
  } finally {
    await sweep.close();
  }
  const remaining = Math.max(0, count - (sweep.receivedCount - again));
  return { queueUrl: context.facts.queueUrl, outcomes, missing: choice.missing(), remaining };
}

/** Outcomes whose dead letters are deleted. */
const DELETED: ReadonlySet<unknown> = new Set<Redriven['outcome']>(['redriven', 'copy']);

function checkDestination({ facts }: FleetContext, to: string | undefined): void {
  const { fleet, queueUrl } = facts;
  const own = queueIdentity(queueUrl);
  if (to === undefined || queueIdentity(to) === own || to === own.split('/')[1]) return;
  throw new WrongOptionError(
    `Dead letters of fleet ${fleet} can only be redriven to its own queue ${queueUrl}, not to ${to}. To use another fleet's queue, select that fleet.`,
  );
}

/** One run. If a job has several dead letters, only one of them is redriven. */
class Redrive {
  readonly #context: FleetContext;
  readonly #choice: DeadLetterSelector;
  readonly #sweep: DeadLetterReader;
  readonly #how: { takesForeign: boolean; dryRun: boolean };
  readonly #byJob = new Map<string, Promise<RedriveOutcome>>();

  constructor(
    context: FleetContext,
    choice: DeadLetterSelector,
    sweep: DeadLetterReader,
    how: { takesForeign: boolean; dryRun: boolean },
  ) {
    this.#context = context;
    this.#choice = choice;
    this.#sweep = sweep;
    this.#how = how;
  }

  async settle(deadLetters: readonly DeadLetter[]): Promise<Redriven[]> {
    const { facts } = this.#context;
    const ids = deadLetters.map(({ id }) => id);
    const records = facts.trackJobs ? await createJobIndex(this.#context).getMany(ids) : new Map();
    return mapInParallel(deadLetters, async (deadLetter) => {
      const { id, messageId } = deadLetter;
      return { id, messageId, ...(await this.#once(deadLetter, records.get(id))) } as Redriven;
    });
  }

  async #once(deadLetter: DeadLetter, record: JobRecord | undefined): Promise<RedriveOutcome> {
    const job = findOwner(deadLetter, this.#sweep.originOf(deadLetter), record);
    const earlier = this.#byJob.get(job);
    const settling = earlier?.then(({ outcome }) =>
      outcome === 'redriven' ? { outcome: 'copy' as const } : this.#settleOne(deadLetter, record),
    );
    const settled = settling ?? this.#settleOne(deadLetter, record);
    if (!earlier) this.#byJob.set(job, settled);
    return settled;
  }

  async #settleOne(deadLetter: DeadLetter, named: JobRecord | undefined): Promise<RedriveOutcome> {
    const { facts } = this.#context;
    const { messageId, source = '', problem } = deadLetter;
    const id = findOwner(deadLetter, this.#sweep.originOf(deadLetter), named);
    const record = id === deadLetter.id ? named : undefined;
    if (!this.#how.takesForeign && !isFromFleet(deadLetter, facts)) return { outcome: 'foreign', source };
    if (problem !== undefined) return { outcome: 'refused', why: problem };
    const stage = record && explainStage(record);
    if (stage !== undefined)
      return {
        outcome: 'refused',
        why: `its job ${stage}; then \`mayfly dlq purge ${id}\` deletes this message`,
      };
    const newId = deduplicatedId(`redrive ${messageId}`);
    const { retriedAs = newId } = record ?? {};
    if (retriedAs !== newId && !this.#choice.includesId(deadLetter))
      return { outcome: 'retried', newId: retriedAs };
    try {
      const body = await this.#bodyOf(deadLetter, id, record);
      const order = prepareJob(
        facts,
        newId,
        body,
        optionsOf(deadLetter, record),
        this.#sweep.attributesOf(deadLetter),
      );
      const repeated = record && selectRepeatedFields(record);
      if (!this.#how.dryRun)
        await enqueuePrepared(this.#context, { ...order, retryOf: id, ...(repeated && { repeated }) });
    } catch (error) {
      if (!(error instanceof Error) || !REFUSALS.some((kind) => error instanceof kind)) throw error;
      return { outcome: 'refused', why: error.message };
    }
    if (record && !this.#how.dryRun) await createJobIndex(this.#context).markRetried(id, newId);
    return { outcome: 'redriven', newId };
  }

  async #bodyOf(deadLetter: DeadLetter, owner: string, record: JobRecord | undefined): Promise<string> {
    const { clients, facts } = this.#context;
    const { body, bodyKey, job } = deadLetter;
    if (bodyKey === undefined || !job) return body;
    const store = createBodyStore(clients.s3, facts.logBucket);
    if (!facts.trackJobs) return store.get(job.id);
    const catalogue = createJobIndex(this.#context);
    const recordOf = async (id: string) => (await catalogue.getMany([id])).get(id);
    const { nonce, isFromAgent } = this.#sweep.originOf(deadLetter);
    // Only the sender of the message says which job it belongs to, which proves nothing.
    if (!record && !isFromAgent) throw new ForeignBodyError(job.id);
    return readRepeatedBody(store, recordOf, { repeated: owner, first: job.id, nonce });
  }
}

const REFUSALS = [BadBodyError, BodyUnusableError, NotTrackedError, WrongOptionError];

function optionsOf({ job }: DeadLetter, record: JobRecord | undefined): JobOptions {
  const { limitSeconds, group, requestId } = job ?? {};
  const { label } = record?.label === undefined ? (job ?? {}) : record;
  const target = record?.target ?? job?.target;
  return {
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(group !== undefined && target !== undefined && { target }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
  };
}
