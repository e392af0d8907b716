import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import type { Groups } from '../../groups/groups.ts';
import type { Outcome } from '../../jobs/outcome.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { retry } from '../../lib/retry.ts';
import type { InFlightMessage } from './in-flight-message.ts';

export interface LanesOptions {
  groups: Groups;
  clock: Clock;
  random: () => number;
  log: Log;
}

/** A job of a group that has ended. */
type EndedJob = Pick<JobRecord, 'id' | 'stageOf' | 'target' | 'state' | 'tries'> & { group: string };

/** How long an agent tries to change a group. Then the keeper does it, within a minute. */
const RETRY_MS = 20_000;

/** What an agent does with the groups of its jobs. */
export class Lanes {
  readonly #options: LanesOptions;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Goes on with the lane of a job that has ended. Never rejects. */
  async end(job: EndedJob): Promise<void> {
    const { groups, log } = this.#options;
    await this.#retry(job.id, () => groups.endJob(job.group, job)).catch((err: unknown) =>
      log.warn({ job: job.id, group: job.group, err }, "a job's lane could not be freed: the keeper does it"),
    );
  }

  /** Puts a held job into its group. False: that was not possible. Never rejects. */
  async place({ id, group, target }: JobRecord): Promise<boolean> {
    const { groups, clock, log } = this.#options;
    if (group === undefined) return false;
    try {
      await this.#retry(id, () => groups.addPlain(group, [{ id, ...(target !== undefined && { target }) }]));
      await groups.jobs.markPlaced(id, clock.now());
      return true;
    } catch (err) {
      log.warn({ job: id, group, err }, 'a job could not be put into its group yet');
      return false;
    }
  }

  /** Ends a held job that can never run. Never rejects. */
  async fail(id: string, reason: string): Promise<void> {
    const { groups, clock, log } = this.#options;
    await this.#retry(id, () => groups.jobs.endHeld(id, 'failed', reason, clock.now())).catch(
      (err: unknown) => log.warn({ job: id, err }, 'the end of a job could not be recorded'),
    );
  }

  #retry<Result>(job: string, task: () => Promise<Result>): Promise<Result> {
    const { clock, random, log } = this.#options;
    const deadlineMs = clock.monotonic() + RETRY_MS;
    return retry(task, {
      clock,
      random,
      shouldGiveUp: () => clock.monotonic() > deadlineMs,
      onFailure: (err, tries) => log.warn({ job, err, tries }, "a job's group could not be changed yet"),
    });
  }
}

/** The job whose lane goes on. Undefined: it has no group, or has not ended. */
export function endedJob({ claim, reading }: InFlightMessage, state: Outcome['state']): EndedJob | undefined {
  const { grouped, tries = [] } = claim ?? {};
  const { group, stageOf, target } = grouped ?? {};
  if (group === undefined || state === undefined || state === 'queued') return undefined;
  const id = reading.kind === 'job' ? reading.job.id : reading.id;
  return { id, group, state, tries, ...(stageOf && { stageOf }), ...(target !== undefined && { target }) };
}
