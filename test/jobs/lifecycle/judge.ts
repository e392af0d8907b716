import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../aws/clock.ts';
import type { Cancelling } from '../../../jobs/catalogue.ts';
import { type JobRecord, TERMINAL_STATES, type Try } from '../../../jobs/record.ts';
import type { Call } from './calls.ts';
import type { PlayedRun } from './played-worker.ts';

/** Only these are in the dead-letter queue, and all of them. */
const DEAD = new Set(['failed', 'timed_out', 'lost']);

export interface Rules {
  maxAttempts: number;
  limitSeconds: number;
}

/** Watches the table, the queue and the workers, and notes what must not be: `faults`. */
export class Judge {
  readonly faults: string[] = [];
  readonly #clock: Clock;
  readonly #read: (job: string) => Promise<JobRecord | undefined>;
  readonly #records = new Map<string, JobRecord | undefined>();
  readonly #neverToStart = new Set<string>();
  readonly #wished = new Set<string>();

  constructor(clock: Clock, read: (job: string) => Promise<JobRecord | undefined>) {
    this.#clock = clock;
    this.#read = read;
  }

  async watch(job: string): Promise<void> {
    this.#records.set(job, await this.#read(job));
  }

  get allEnded(): boolean {
    return [...this.#records.values()].every((record) => record && TERMINAL_STATES.has(record.state));
  }

  /** After a call that may have written. */
  async look({ action, input }: Call): Promise<void> {
    if (action !== 'UpdateItemCommand') return;
    const { pk } = input['Key'] as { pk: { S: string } };
    const job = pk.S.replace('job#', '');
    if (!this.#records.has(job)) return;
    const before = this.#records.get(job);
    const after = await this.#read(job);
    this.#records.set(job, after);
    if (!isDeepStrictEqual(before, after)) this.#judgeChange(job, before, after);
  }

  started(run: PlayedRun, others: readonly PlayedRun[]): void {
    const { job } = run;
    const other = others.find((one) => one.job === job && one.end === undefined);
    if (other) this.#accuse(job, `run ${run.number} starts while run ${other.number} goes on`);
    if (this.#neverToStart.has(job)) this.#accuse(job, 'it was cancelled before it began, and starts');
  }

  /** An operator was told what came of the wish. */
  cancelled(job: string, kind: Cancelling['kind']): void {
    if (kind === 'cancelled') this.#neverToStart.add(job);
    if (kind === 'cancelled' || kind === 'requested') this.#wished.add(job);
  }

  /** A message is only deleted when its job has ended. */
  async deleted(job: string): Promise<void> {
    const record = await this.#read(job);
    if (!record || !TERMINAL_STATES.has(record.state))
      this.#accuse(job, `its message is deleted while it is ${record?.state}`);
  }

  async deadLettered(job: string): Promise<void> {
    const record = await this.#read(job);
    if (!record || !DEAD.has(record.state))
      this.#accuse(job, `it is dead-lettered while it is ${record?.state}`);
  }

  /**
   * When all is over: table, queue, workers and logs say the same.
   *
   * @param logOf all that is kept of a try's standard output
   */
  async judgeEnd(
    runs: readonly PlayedRun[],
    deadLetters: readonly string[],
    logOf: (job: string, one: Try) => Promise<string>,
    rules: Rules,
  ): Promise<void> {
    for (const [job, record] of this.#records) {
      if (!record) {
        this.#accuse(job, 'it has no record');
        return;
      }
      this.#judgeState(job, record, deadLetters.includes(job), rules);
      const own = runs.filter((run) => run.job === job);
      const seen = new Set<PlayedRun>();
      for (const one of record.tries ?? []) {
        const log = await logOf(job, one);
        const run = own.find(({ mark }) => log.includes(mark) || one.log?.tail?.includes(mark));
        if (run && seen.has(run)) this.#accuse(job, `run ${run.number} is in two tries`);
        if (run) seen.add(run);
        this.#judgeTry(job, record, one, run, log, rules);
      }
    }
  }

  #judgeChange(job: string, before: JobRecord | undefined, after: JobRecord | undefined): void {
    if (!after) {
      this.#accuse(job, 'its record is gone');
      return;
    }
    if (before && TERMINAL_STATES.has(before.state))
      this.#accuse(job, `it had ended, and changes: ${JSON.stringify({ before, after })}`);
    if (after.state === 'running' && before?.fence !== after.fence) {
      const free =
        !before ||
        before.state === 'queued' ||
        (before.state === 'running' && (before.leaseUntilMs ?? 0) < this.#clock.now());
      if (!free) this.#accuse(job, `it is claimed while it is ${before.state}`);
      if (before?.cancelRequestedAt) this.#accuse(job, 'it was to be cancelled, and is claimed');
    }
  }

  #judgeState(job: string, record: JobRecord, dead: boolean, { maxAttempts }: Rules): void {
    const { state, attempts, tries = [], cancelRequestedAt, listing, leaseUntilMs } = record;
    if (!TERMINAL_STATES.has(state)) this.#accuse(job, `it has not ended: ${state}`);
    if (dead !== DEAD.has(state))
      this.#accuse(job, `it is ${state} and ${dead ? '' : 'not '}in the dead-letter queue`);
    if (attempts > maxAttempts) this.#accuse(job, `${attempts} attempts`);
    const costly = tries.filter(costsAttempt).length;
    if (attempts !== costly)
      this.#accuse(job, `${attempts} attempts, but tries that count ${JSON.stringify(tries)}`);
    if (state === 'cancelled' && !cancelRequestedAt) this.#accuse(job, 'nobody wanted it cancelled');
    if (this.#wished.has(job) && !cancelRequestedAt) this.#accuse(job, 'the wish to cancel it is forgotten');
    if (this.#neverToStart.has(job) && state !== 'cancelled')
      this.#accuse(job, `it was cancelled and is ${state}`);
    if (state === 'lost' && attempts !== maxAttempts) this.#accuse(job, `lost after ${attempts} attempts`);
    if (listing !== undefined || leaseUntilMs !== undefined)
      this.#accuse(job, 'it has ended, and is listed as running');
  }

  /** What a try's record says of its worker is what the worker did. */
  #judgeTry(
    job: string,
    record: JobRecord,
    one: Try,
    run: PlayedRun | undefined,
    log: string,
    { limitSeconds }: Rules,
  ): void {
    const said = JSON.stringify(one);
    const status = run?.end?.kind === 'exited' ? run.end.status : undefined;
    if (one.endedAt === undefined) return;
    if (one.exitStatus !== status && !(run && run.stoppedMs !== undefined && status === undefined))
      this.#accuse(job, `a try says ${said}, its worker ended with ${status}`);
    if (one !== record.tries?.at(-1)) return;
    if (record.state === 'succeeded' && status !== 0) this.#accuse(job, `succeeded with ${status}`);
    if (status === 0 && record.state !== 'succeeded')
      this.#accuse(job, `its worker succeeded, and it is ${record.state}: ${said}`);
    if (record.state === 'timed_out') {
      const ranMs = (run?.stoppedMs ?? 0) - (run?.startedMs ?? 0);
      if (ranMs < limitSeconds * 1000) this.#accuse(job, `timed out after ${ranMs} ms`);
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

/** "What comes of it" in docs/design.md, by what a try's record says. */
function costsAttempt({ endedAt, exitStatus, reason = '' }: Try): boolean {
  if (endedAt === undefined) return true;
  return exitStatus !== 75 && !/had to go|could not be started|lost on attempt/.test(reason);
}
