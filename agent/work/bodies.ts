import { isRefusal } from '../../aws/bucket-refusals.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { nonceOf } from '../../jobs/binding.ts';
import { bodyKey, jobOfBody } from '../../jobs/body-key.ts';
import { messageOf } from '../../lib/error-message.ts';
import { BodyMissing, type BodyStore, BodyUnusable, digestOfBody } from '../../store/bodies.ts';
import { isDedupedId } from '../../jobs/envelope.ts';
import { type Job, withBody } from '../../jobs/message.ts';
import type { Ending } from '../../jobs/outcome.ts';
import { LONGEST_KEPT_BODY } from '../../jobs/record.ts';
import { bodyOfRepeated } from '../../store/redriven.ts';
import type { JobTable } from '../../store/table.ts';
import type { Held } from './held.ts';
import type { Leases } from './leases.ts';
import { persist } from '../../lib/persist.ts';

export interface BodiesOptions {
  /** Asked when it is needed; undefined: there is no log bucket. */
  store: (() => BodyStore) | undefined;
  table: JobTable | undefined;
  leases: Leases;
  clock: Clock;
  random: () => number;
  log: Log;
  stopping: () => boolean;
}

/** How long a slot waits for a bucket that does not answer, before the job is handed back. */
const FETCH_PATIENCE_MS = 60_000;

/** How often a slot that waits for one looks whether it still may. */
const LOOK_MS = 250;

/** How long the end of a job waits for its body to be kept; shorter where all last writes have ten seconds. */
const KEEP_PATIENCE_MS = 10_000;
const LAST_KEEP_PATIENCE_MS = 2000;

/** Bodies of jobs in the log bucket, as an agent needs them: before a worker starts, and for a retry by hand. */
export class Bodies {
  readonly #options: BodiesOptions;

  constructor(options: BodiesOptions) {
    this.#options = options;
  }

  /** The job with its body, or why there can be no worker for it: for ever, or now. Never rejects. */
  async fetch(
    held: Held,
    job: Job & { bodyKey: string },
  ): Promise<Job | Extract<Ending, { kind: 'refused' | 'not-started' }>> {
    const { store, clock, random, log, leases, stopping } = this.#options;
    if (!store) {
      const reason = `its body is ${job.bodyKey} of the log bucket, but this fleet has none`;
      return { kind: 'refused', reason };
    }
    const giveUpMs = clock.monotonic() + FETCH_PATIENCE_MS;
    const over = () => stopping() || leases.hasEnded(held);
    const done = new AbortController();
    try {
      const fetched = persist(() => this.#get(store(), job, held), {
        clock,
        random,
        hopeless: (error) =>
          over() || clock.monotonic() > giveUpMs || error instanceof BodyUnusable || isRefusal(error),
        onFailure: (err, tries) => log.warn({ job: job.id, err, tries }, "a job's body is not there yet"),
      });
      const text = await Promise.race([fetched, this.#until(over, done.signal)]);
      return withBody(job, text);
    } catch (error) {
      const message = messageOf(error);
      if (error instanceof BodyUnusable) return { kind: 'refused', reason: message };
      return { kind: 'not-started', reason: `its body ${job.bodyKey} could not be fetched: ${message}` };
    } finally {
      done.abort();
    }
  }

  /** That of a job which repeats another may be forgotten with the other: from its first try on it has one of its own. */
  async #get(
    store: BodyStore,
    { id, bodyKey: key, retryOf }: Job & { bodyKey: string },
    { claim, message }: Held,
  ): Promise<string> {
    const first = jobOfBody(key);
    try {
      return await store.get(id, claim?.bodyDigest);
    } catch (error) {
      if (first === id || !(error instanceof BodyMissing)) throw error;
    }
    const { table } = this.#options;
    const of = { repeated: retryOf ?? first, first, nonce: nonceOf(message.attributes) };
    const text = await (table ? bodyOfRepeated(store, (job) => table.get(job), of) : store.get(first));
    await this.#put(id, text);
    return text;
  }

  /** Rejects when it is over, whatever call is under way: one takes longer than a drain can wait. */
  async #until(over: () => boolean, done: AbortSignal): Promise<never> {
    while (!over()) await this.#options.clock.sleep(LOOK_MS, done);
    throw new Error('there is no more time for it');
  }

  /** Keeps a body that is too long for the record and whose message is about to go. Never rejects, nor waits for long. */
  async keep(held: Held): Promise<void> {
    if (held.reading.kind === 'broken') return;
    const { id, bodyKey: known, stdin } = held.reading.job;
    if (known !== undefined || Buffer.byteLength(stdin) <= LONGEST_KEPT_BODY) return;
    // An earlier job with the dedupe key may have left one, which outlives that job's record.
    const replaces = isDedupedId(id) && held.claim !== undefined && held.claim.bodyDigest === undefined;
    await this.#put(id, stdin, replaces);
  }

  async #put(job: string, text: string, replaces = false): Promise<void> {
    const { store, table, clock, log, stopping } = this.#options;
    if (!store || !table) return;
    const startMs = clock.monotonic();
    const over = () => clock.monotonic() - startMs >= (stopping() ? LAST_KEEP_PATIENCE_MS : KEEP_PATIENCE_MS);
    const done = new AbortController();
    const kept = store()
      .put(job, text, replaces)
      .then(() => table.noteBody(job, bodyKey(job), digestOfBody(text)));
    await Promise.race([kept, this.#until(over, done.signal)]).catch((err: unknown) =>
      log.warn({ job, err }, "a job's body could not be kept: it cannot be retried by its id"),
    );
    done.abort();
  }
}
