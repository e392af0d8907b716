import { BodyOfAnother, BodyUnusable, bodyStore } from '../../store/bodies.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { bodyOfRepeated } from '../../store/redriven.ts';
import type { FleetContext } from '../context.ts';
import { type DeadLetter, isOfFleet, queueOf } from './dead-letter.ts';
import { type Choice, chooser } from './choice.ts';
import type { Redriven, RedriveOptions, RedriveOutcome, RedriveResult } from './options.ts';
import { ownerOf } from './proof.ts';
import { countDeadLetters, Sweep } from './sweep.ts';
import { each } from '../each.ts';
import { enqueueOrder } from '../enqueue/enqueue.ts';
import { BadBody, NotTracked, WrongOption } from '../errors.ts';
import { dedupedId } from '../enqueue/ids.ts';
import type { RepeatedOptions } from '../enqueue/options.ts';
import { orderOf } from '../enqueue/order.ts';
import { catalogueOf } from '../job-records.ts';

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
  const choice = chooser(options);
  const sweep = new Sweep(context);
  const how = { takesForeign: options.to !== undefined, dryRun: options.dryRun ?? false };
  const redrive = new Redrive(context, choice, sweep, how);
  const count = choice.isNamed ? 0 : await countDeadLetters(context);
  const outcomes: Redriven[] = [];
  /** New jobs of this run. If one fails during the run, it is not redriven again: it could fail without end. */
  const made = new Set<string>();
  let again = 0;
  try {
    for await (const batch of sweep.batches(options.signal)) {
      const earlier = batch.filter(({ id }) => !made.has(id));
      again += batch.length - earlier.length;
      const chosen = earlier.filter(choice.takes);
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
  const unseen = Math.max(0, count - (sweep.seen - again));
  return { queueUrl: context.facts.queueUrl, outcomes, missing: choice.missing(), unseen };
}

/** Outcomes whose dead letters are deleted. */
const DELETED: ReadonlySet<unknown> = new Set<Redriven['outcome']>(['redriven', 'copy']);

function checkDestination({ facts }: FleetContext, to: string | undefined): void {
  const { fleet, queueUrl } = facts;
  const own = queueOf(queueUrl);
  if (to === undefined || queueOf(to) === own || to === own.split('/')[1]) return;
  throw new WrongOption(
    `Dead letters of fleet ${fleet} can only be redriven to its own queue ${queueUrl}, not to ${to}. To use another fleet's queue, select that fleet.`,
  );
}

/** One run. If a job has several dead letters, only one of them is redriven. */
class Redrive {
  readonly #context: FleetContext;
  readonly #choice: Choice;
  readonly #sweep: Sweep;
  readonly #how: { takesForeign: boolean; dryRun: boolean };
  readonly #byJob = new Map<string, Promise<RedriveOutcome>>();

  constructor(
    context: FleetContext,
    choice: Choice,
    sweep: Sweep,
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
    const records = facts.trackJobs ? await catalogueOf(this.#context).getMany(ids) : new Map();
    return each(deadLetters, async (deadLetter) => {
      const { id, messageId } = deadLetter;
      return { id, messageId, ...(await this.#once(deadLetter, records.get(id))) } as Redriven;
    });
  }

  async #once(deadLetter: DeadLetter, record: JobRecord | undefined): Promise<RedriveOutcome> {
    const job = ownerOf(deadLetter, this.#sweep.proofOf(deadLetter), record);
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
    const id = ownerOf(deadLetter, this.#sweep.proofOf(deadLetter), named);
    const record = id === deadLetter.id ? named : undefined;
    if (!this.#how.takesForeign && !isOfFleet(deadLetter, facts)) return { outcome: 'foreign', source };
    if (problem !== undefined) return { outcome: 'refused', why: problem };
    const newId = dedupedId(`redrive ${messageId}`);
    const { retriedAs = newId } = record ?? {};
    if (retriedAs !== newId && !this.#choice.names(deadLetter)) return { outcome: 'retried', newId: retriedAs };
    try {
      const body = await this.#bodyOf(deadLetter, id, record);
      const order = orderOf(facts, newId, body, optionsOf(deadLetter, record), this.#sweep.attributesOf(deadLetter));
      if (!this.#how.dryRun) await enqueueOrder(this.#context, { ...order, retryOf: id });
    } catch (error) {
      if (!(error instanceof Error) || !REFUSALS.some((kind) => error instanceof kind)) throw error;
      return { outcome: 'refused', why: error.message };
    }
    if (record && !this.#how.dryRun) await catalogueOf(this.#context).markRetried(id, newId);
    return { outcome: 'redriven', newId };
  }

  async #bodyOf(deadLetter: DeadLetter, owner: string, record: JobRecord | undefined): Promise<string> {
    const { clients, facts } = this.#context;
    const { body, bodyKey, job } = deadLetter;
    if (bodyKey === undefined || !job) return body;
    const store = bodyStore(clients.s3, facts.logBucket);
    if (!facts.trackJobs) return store.get(job.id);
    const catalogue = catalogueOf(this.#context);
    const recordOf = async (id: string) => (await catalogue.getMany([id])).get(id);
    const { nonce, isNamed } = this.#sweep.proofOf(deadLetter);
    // Only the sender of the message says which job it belongs to, which proves nothing.
    if (!record && !isNamed) throw new BodyOfAnother(job.id);
    return bodyOfRepeated(store, recordOf, { repeated: owner, first: job.id, nonce });
  }
}

const REFUSALS = [BadBody, BodyUnusable, NotTracked, WrongOption];

function optionsOf({ job }: DeadLetter, record: JobRecord | undefined): RepeatedOptions {
  const { limitSeconds, group, requestId } = job ?? {};
  const { label } = record?.label === undefined ? (job ?? {}) : record;
  return {
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
  };
}
