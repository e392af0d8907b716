import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { cancelRequested } from '../../store/running.ts';
import { Alarm } from './alarm.ts';
import { type Held, jobIdOf, stopWorker } from './held.ts';

export interface CancelsOptions {
  /** Where the job table is; undefined: jobs are not tracked, and nobody can wish for the end of one. */
  tracked: { client: DynamoDBClient; table: string } | undefined;
  /** What this agent holds. */
  held: () => Iterable<Held>;
  clock: Clock;
  log: Log;
  cancelSeconds: number;
  graceSeconds: number;
}

/**
 * Looks every few seconds which of the jobs that run here somebody wants to end, and stops their workers. Looks only
 * while something runs. A table that does not answer stops nobody: the next look, or the renewal of the lease, will
 * tell.
 */
export class Cancels {
  readonly #options: CancelsOptions;
  readonly #alarm: Alarm;
  #looking = false;

  constructor(options: CancelsOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => void this.#look());
  }

  /** To be called when a worker has started. */
  watch(): void {
    const { tracked, clock, cancelSeconds } = this.#options;
    if (tracked && !this.#looking) this.#alarm.at(clock.monotonic() + cancelSeconds * 1000);
  }

  async #look(): Promise<void> {
    const { tracked, log } = this.#options;
    const running = this.#running();
    if (!tracked || running.length === 0) return;
    this.#looking = true;
    try {
      const wanted = await cancelRequested(tracked.client, tracked.table, running.map(jobIdOf));
      for (const held of running) if (wanted.has(jobIdOf(held))) this.#stop(held);
    } catch (err) {
      log.warn(
        { err, running: running.length },
        'the job table does not tell which jobs are to be cancelled',
      );
    } finally {
      this.#looking = false;
    }
    if (this.#running().length > 0) this.watch();
  }

  /** Those that are not on their way to an end already. */
  #running(): Held[] {
    const candidates = [...this.#options.held()];
    return candidates.filter((held) => held.phase === 'running' && held.claim && held.stopped === undefined);
  }

  #stop(held: Held): void {
    if (held.phase !== 'running' || held.stopped !== undefined) return;
    this.#options.log.info({ job: jobIdOf(held) }, 'the job is to be cancelled: stopping the worker');
    stopWorker(held, 'cancelled', this.#options.graceSeconds * 1000);
  }
}
