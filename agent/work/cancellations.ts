import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { DeadlineTimer } from '../../lib/deadline-timer.ts';
import { findCancelled } from '../../store/running-jobs.ts';
import { type InFlightMessage, jobIdOf, stopWorker } from './in-flight-message.ts';

export interface CancellationsOptions {
  /** The job table. Undefined: jobs are not tracked and cannot be cancelled. */
  tracked: { client: DynamoDBClient; table: string } | undefined;
  /** Returns the messages of this agent. */
  inFlight: () => Iterable<InFlightMessage>;
  clock: Clock;
  log: Log;
  cancelSeconds: number;
  graceSeconds: number;
}

/**
 * Checks every few seconds which of the running jobs are to be cancelled, and stops their workers. Checks only while a job
 * runs. If the table does not answer, the next check or the renewal of the lease finds out.
 */
export class Cancellations {
  readonly #options: CancellationsOptions;
  readonly #timer: DeadlineTimer;
  #isChecking = false;

  constructor(options: CancellationsOptions) {
    this.#options = options;
    this.#timer = new DeadlineTimer(options.clock, () => void this.#check());
  }

  /** To be called when a worker has started. */
  startChecking(): void {
    const { tracked, clock, cancelSeconds } = this.#options;
    if (tracked && !this.#isChecking) this.#timer.schedule(clock.monotonic() + cancelSeconds * 1000);
  }

  async #check(): Promise<void> {
    const { tracked, log } = this.#options;
    const running = this.#findRunning();
    if (!tracked || running.length === 0) return;
    this.#isChecking = true;
    try {
      const wanted = await findCancelled(tracked.client, tracked.table, running.map(jobIdOf));
      for (const inFlight of running) if (wanted.has(jobIdOf(inFlight))) this.#stop(inFlight);
    } catch (err) {
      log.warn(
        { err, running: running.length },
        'cannot read from the job table which jobs are to be cancelled',
      );
    } finally {
      this.#isChecking = false;
    }
    if (this.#findRunning().length > 0) this.startChecking();
  }

  /** Jobs whose worker runs and was not stopped yet. */
  #findRunning(): InFlightMessage[] {
    const candidates = [...this.#options.inFlight()];
    return candidates.filter(
      (inFlight) => inFlight.phase === 'running' && inFlight.claim && inFlight.stopped === undefined,
    );
  }

  #stop(inFlight: InFlightMessage): void {
    if (inFlight.phase !== 'running' || inFlight.stopped !== undefined) return;
    this.#options.log.info({ job: jobIdOf(inFlight) }, 'the job is to be cancelled: stopping the worker');
    stopWorker(inFlight, 'cancelled', this.#options.graceSeconds * 1000);
  }
}
