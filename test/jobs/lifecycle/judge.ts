import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../aws/clock.ts';
import { type JobRecord, TERMINAL_STATES, type Try } from '../../../jobs/record.ts';
import { fromItem } from '../../../store/item.ts';
import type { Cancellation } from '../../../store/job-index.ts';
import { runningPartition, statePartition } from '../../../store/partitions.ts';
import type { Call } from './calls.ts';
import { isForged } from './forgery.ts';
import type { PlayedRun } from './played-worker.ts';

/** Exactly these are in the dead-letter queue. */
const DEAD = new Set(['failed', 'timed_out', 'lost']);

/** What differs between worlds. */
export interface Rules {
  maxAttempts: number;
  retryTimedOut: boolean;
  limitSeconds: number;
}

/** Watches the table, the queue and the workers, and notes violations in `faults`. */
export class Judge {
  readonly faults: string[] = [];
  readonly #clock: Clock;
  readonly #rules: Rules;
  readonly #records = new Map<string, JobRecord | undefined>();
  readonly #neverToStart = new Set<string>();
  readonly #wished = new Set<string>();
  readonly #deadLettered = new Set<string>();

  constructor(clock: Clock, rules: Rules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  watch(job: string, record: JobRecord | undefined): void {
    this.#records.set(job, record);
  }

  get allEnded(): boolean {
    return [...this.#records.values()].every((record) => record && TERMINAL_STATES.has(record.state));
  }

  /** After each call: it may have written. */
  look({ written }: Call): void {
    if (!written) return;
    const after = fromItem(written) as unknown as JobRecord;
    if (!this.#records.has(after.id)) return;
    const before = this.#records.get(after.id);
    this.#records.set(after.id, after);
    if (!isDeepStrictEqual(before, after)) this.#judgeChange(after.id, before, after);
  }

  started(run: PlayedRun, others: readonly PlayedRun[]): void {
    const { job } = run;
    const other = others.find((one) => one.job === job && one.end === undefined);
    if (other) this.#accuse(job, `run ${run.number} starts while run ${other.number} goes on`);
    if (this.#records.has(job) && isForged(run.body)) this.#accuse(job, `it is given '${run.body}'`);
    if (this.#neverToStart.has(job)) this.#accuse(job, 'it was cancelled before it began, and starts');
    if (run.attempt > this.#rules.maxAttempts) this.#accuse(job, `attempt ${run.attempt} starts`);
  }

  /** An operator got the result of a cancellation. */
  cancelled(job: string, kind: Cancellation['kind']): void {
    if (kind === 'cancelled') this.#neverToStart.add(job);
    if (kind === 'cancelled' || kind === 'requested') this.#wished.add(job);
  }

  /** A message is only deleted when its job has ended. */
  deleted(job: string): void {
    const record = this.#records.get(job);
    if (!record || !TERMINAL_STATES.has(record.state))
      this.#accuse(job, `its message is deleted while it is ${record?.state}`);
  }

  /** What happens to forged messages says nothing about the jobs that they name. */
  forgeryDeadLettered(job: string): void {
    if (this.#records.has(job)) this.#accuse(job, 'a forged message is dead-lettered as this job');
  }

  deadLettered(job: string): void {
    const record = this.#records.get(job);
    if (!record || !DEAD.has(record.state))
      this.#accuse(job, `it is dead-lettered while it is ${record?.state}`);
    this.#deadLettered.add(job);
  }

  /**
   * At the end: table, queue, workers and logs agree.
   *
   * @param kept the records of the table, and the standard output of tries as it is kept
   */
  async judgeEnd(
    runs: readonly PlayedRun[],
    deadLetters: readonly string[],
    kept: {
      recordOf: (job: string) => Promise<JobRecord | undefined>;
      logOf: (job: string, one: Try) => Promise<string>;
    },
  ): Promise<void> {
    for (const [job, seenLast] of this.#records) {
      const record = await kept.recordOf(job);
      if (!record || !isDeepStrictEqual(record, seenLast)) {
        this.#accuse(job, `its record is ${JSON.stringify(record)}, and was ${JSON.stringify(seenLast)}`);
        continue;
      }
      this.#judgeState(job, record, deadLetters.includes(job));
      const own = runs.filter((run) => run.job === job);
      const seen = new Set<PlayedRun>();
      for (const one of record.tries ?? []) {
        const log = await kept.logOf(job, one);
        const run = own.find(({ mark }) => log.includes(mark) || one.log?.tail?.includes(mark));
        if (run && seen.has(run)) this.#accuse(job, `run ${run.number} is in two tries`);
        if (run) seen.add(run);
        this.#judgeTry(job, record, one, run, log);
      }
    }
  }

  #judgeChange(job: string, before: JobRecord | undefined, after: JobRecord): void {
    const { deadLetteredAt, ...others } = after;
    const { state, instance = '' } = after;
    if (after.listed !== (state === 'running' ? runningPartition(instance) : statePartition(state, job)))
      this.#accuse(job, `it is ${state}, and is listed as ${after.listed}`);
    const { listedAt = after.listedAt } = before ?? {};
    if (listedAt === undefined || after.listedAt !== listedAt)
      this.#accuse(job, `its place in the index is ${listedAt} and then ${after.listedAt}`);
    if (deadLetteredAt !== undefined && !this.#deadLettered.has(job))
      this.#accuse(job, 'its record says that it is a dead letter, and it is none');
    const noted = deadLetteredAt !== undefined && isDeepStrictEqual(others, before);
    if (before && TERMINAL_STATES.has(before.state) && !noted)
      this.#accuse(job, `it had ended, and changes: ${JSON.stringify({ before, after })}`);
    if (after.state === 'queued' && after.cancelRequestedAt)
      this.#accuse(job, 'it is to be cancelled, and is queued again');
    if (after.state === 'running' && before?.fence !== after.fence) {
      const free =
        !before ||
        before.state === 'queued' ||
        (before.state === 'running' && (before.leaseUntilMs ?? 0) < this.#clock.now());
      if (!free) this.#accuse(job, `it is claimed while it is ${before.state}`);
      if (before?.cancelRequestedAt) this.#accuse(job, 'it was to be cancelled, and is claimed');
    }
  }

  #judgeState(job: string, record: JobRecord, dead: boolean): void {
    const { state, attempts, tries = [], cancelRequestedAt, listing, leaseUntilMs } = record;
    if (!TERMINAL_STATES.has(state)) this.#accuse(job, `it has not ended: ${state}`);
    if (dead !== DEAD.has(state))
      this.#accuse(job, `it is ${state} and ${dead ? '' : 'not '}in the dead-letter queue`);
    const costly = tries.filter(costsAttempt).length;
    if (attempts !== costly)
      this.#accuse(job, `${attempts} attempts, but tries that count ${JSON.stringify(tries)}`);
    if (state === 'cancelled' && !cancelRequestedAt) this.#accuse(job, 'nobody wanted it cancelled');
    if (this.#wished.has(job) && !cancelRequestedAt) this.#accuse(job, 'the wish to cancel it is forgotten');
    if (this.#neverToStart.has(job) && state !== 'cancelled')
      this.#accuse(job, `it was cancelled and is ${state}`);
    if (state === 'lost' && attempts < this.#rules.maxAttempts)
      this.#accuse(job, `lost after ${attempts} attempts`);
    if (listing !== undefined || leaseUntilMs !== undefined)
      this.#accuse(job, 'it has ended, and is listed as running');
  }

  /** The record of a try says what its worker did. */
  #judgeTry(job: string, record: JobRecord, one: Try, run: PlayedRun | undefined, log: string): void {
    const said = JSON.stringify(one);
    const status = run?.end?.kind === 'exited' ? run.end.status : undefined;
    if (one.endedAt === undefined) {
      if (run && !run.output.startsWith(log)) this.#accuse(job, `not the output of a lost try: ${said}`);
      return;
    }
    if (one.exitStatus !== status && !(run && run.stoppedMs !== undefined && status === undefined))
      this.#accuse(job, `a try says ${said}, its worker ended with ${status}`);
    if (one !== record.tries?.at(-1)) return;
    if (record.state === 'succeeded' && status !== 0) this.#accuse(job, `succeeded with ${status}`);
    if (status === 0 && record.state !== 'succeeded')
      this.#accuse(job, `its worker succeeded, and it is ${record.state}: ${said}`);
    if (record.state === 'timed_out') {
      const ranMs = (run?.stoppedMs ?? 0) - (run?.startedMs ?? 0);
      if (ranMs < this.#rules.limitSeconds * 1000) this.#accuse(job, `timed out after ${ranMs} ms`);
    }
    if (!run || !one.log) return;
    const { bytes, lost = 0 } = one.log.stdout;
    if (bytes !== run.output.length) this.#accuse(job, `${run.output.length} bytes of output, told ${bytes}`);
    if (lost === 0 && log !== run.output)
      this.#accuse(job, `its output is not the one that is kept: ${said}, ${log.length} bytes`);
  }

  #accuse(job: string, fault: string): void {
    this.faults.push(`${job}: ${fault}`);
  }
}

/** The documentation's table "What comes of it", by the record of a try. */
function costsAttempt({ endedAt, exitStatus, reason = '' }: Try): boolean {
  if (endedAt === undefined) return true;
  return exitStatus !== 75 && !/had to go|could not be started|lost on attempt/.test(reason);
}
