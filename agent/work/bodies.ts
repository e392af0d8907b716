import { isBucketRefusal } from '../../aws/bucket-refusals.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { readNonce } from '../../jobs/binding.ts';
import { bodyKey, parseBodyKey } from '../../jobs/body-key.ts';
import { isDedupedId } from '../../jobs/envelope.ts';
import { type Job, withBody } from '../../jobs/message.ts';
import type { Ending } from '../../jobs/outcome.ts';
import { type JobRecord, MAX_KEPT_BODY_BYTES } from '../../jobs/record.ts';
import { messageOf } from '../../lib/error-message.ts';
import { BodyMissingError, type BodyStore, BodyUnusableError, digestBody } from '../../store/body-store.ts';
import type { JobTable } from '../../store/job-table.ts';
import { readRepeatedBody } from '../../store/redrive.ts';
import { type InFlightMessage, jobIdOf } from './in-flight-message.ts';
import type { Leases } from './leases.ts';
import { rejectWhen, tryInTime } from './try-in-time.ts';

export interface BodiesOptions {
  /** Creates the store when it is needed. Undefined: there is no log bucket. */
  store: (() => BodyStore) | undefined;
  table: JobTable | undefined;
  leases: Leases;
  clock: Clock;
  random: () => number;
  log: Log;
  stopping: () => boolean;
}

/** Why a body cannot be used: `refused` for good, `not-started` now. */
type Unusable = Extract<Ending, { kind: 'refused' | 'not-started' }>;

/** How long the end of a job waits for its body to be kept. While the agent stops, all last writes have ten seconds. */
const KEEP_TIMEOUT_MS = 10_000;
const STOPPING_KEEP_TIMEOUT_MS = 2000;

/** Bodies of jobs in the log bucket. An agent reads them before a worker starts, and keeps them for a retry by hand. */
export class Bodies {
  readonly #options: BodiesOptions;

  constructor(options: BodiesOptions) {
    this.#options = options;
  }

  /** Returns the job with its body, or why no worker can be started: `refused` for good, `not-started` now. Never rejects. */
  async fetch(inFlight: InFlightMessage, job: Job & { bodyKey: string }): Promise<Job | Unusable> {
    const { store } = this.#options;
    if (!store) {
      const reason = `its body is ${job.bodyKey} of the log bucket, but this fleet has none`;
      return { kind: 'refused', reason };
    }
    const fetched = await this.#tryInTime(inFlight, job.bodyKey, 'fetched', () =>
      this.#get(store(), job, inFlight),
    );
    return typeof fetched === 'string' ? withBody(job, fetched) : fetched;
  }

  /**
   * Stores the body of a job that is held, unless its record has it: the message is deleted, and the release sends a short body
   * alone. Returns why the job cannot be held: `refused` for good, `not-started` now. Never rejects.
   */
  async hold(inFlight: InFlightMessage, record: JobRecord): Promise<Unusable | undefined> {
    const { store, table } = this.#options;
    const { id, body, bodyKey: stored } = record;
    if (inFlight.reading.kind === 'broken' || body !== undefined || stored !== undefined) return undefined;
    const { job } = inFlight.reading;
    if (!store || !table)
      return {
        kind: 'refused',
        reason: 'its body is longer than a record keeps, and this fleet has no log bucket',
      };
    const { bodyKey: key } = job;
    const fetched = key === undefined ? job : await this.fetch(inFlight, { ...job, bodyKey: key });
    if ('kind' in fetched) return fetched;
    return this.#tryInTime(inFlight, bodyKey(id), 'stored', async () => {
      // An earlier job with this id may have left a body, which outlives that job's record.
      await store().put(id, fetched.stdin, true);
      await table.writeBodyKey(id, bodyKey(id), digestBody(fetched.stdin));
      return undefined;
    });
  }

  /** Repeats a call for the body of a message as long as there is time for it. */
  async #tryInTime<Result>(
    inFlight: InFlightMessage,
    key: string,
    what: 'fetched' | 'stored',
    task: () => Promise<Result>,
  ): Promise<Result | Unusable> {
    const job = jobIdOf(inFlight);
    const options = {
      ...this.#options,
      isFinal: (error: unknown) => error instanceof BodyUnusableError || isBucketRefusal(error),
      onFailure: (err: unknown, tries: number) =>
        this.#options.log.warn({ job, err, tries }, `a job's body could not be ${what} yet`),
    };
    try {
      return await tryInTime(inFlight, options, task);
    } catch (error) {
      const message = messageOf(error);
      if (error instanceof BodyUnusableError) return { kind: 'refused', reason: message };
      return { kind: 'not-started', reason: `its body ${key} could not be ${what}: ${message}` };
    }
  }

  /** A job that repeats another gets its own copy of the body at its first try: the other job's body may be removed. */
  async #get(
    store: BodyStore,
    { id, bodyKey: key, retryOf }: Job & { bodyKey: string },
    { claim, message }: InFlightMessage,
  ): Promise<string> {
    const first = parseBodyKey(key);
    // A roll-back or a check reads the body of its job.
    const stageOf = claim?.grouped?.stageOf;
    if (stageOf !== undefined) return store.get(stageOf, claim?.bodyDigest);
    try {
      return await store.get(id, claim?.bodyDigest);
    } catch (error) {
      if (first === id || !(error instanceof BodyMissingError)) throw error;
    }
    const { table } = this.#options;
    const source = { repeated: retryOf ?? first, first, nonce: readNonce(message.attributes) };
    const text = await (table ? readRepeatedBody(store, (job) => table.get(job), source) : store.get(first));
    await this.#put(id, text);
    return text;
  }

  /** Keeps a body that is too long for the record, before its message is deleted. Never rejects, and waits a short time. */
  async keep(inFlight: InFlightMessage): Promise<void> {
    if (inFlight.reading.kind === 'broken') return;
    const { id, bodyKey: known, stdin } = inFlight.reading.job;
    if (known !== undefined || Buffer.byteLength(stdin) <= MAX_KEPT_BODY_BYTES) return;
    // An earlier job with the same dedupe key may have left a body, which outlives that job's record.
    const replaces =
      isDedupedId(id) && inFlight.claim !== undefined && inFlight.claim.bodyDigest === undefined;
    await this.#put(id, stdin, replaces);
  }

  async #put(job: string, text: string, replaces = false): Promise<void> {
    const { store, table, clock, log, stopping } = this.#options;
    if (!store || !table) return;
    const startMs = clock.monotonic();
    const isOver = () =>
      clock.monotonic() - startMs >= (stopping() ? STOPPING_KEEP_TIMEOUT_MS : KEEP_TIMEOUT_MS);
    const done = new AbortController();
    const kept = store()
      .put(job, text, replaces)
      .then(() => table.writeBodyKey(job, bodyKey(job), digestBody(text)));
    await Promise.race([kept, rejectWhen(isOver, clock, done.signal)]).catch((err: unknown) =>
      log.warn({ job, err }, "a job's body could not be kept: it cannot be retried by its id"),
    );
    done.abort();
  }
}
