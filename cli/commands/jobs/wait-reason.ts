import type { Fleet } from '../../../client/fleet.ts';
import type { WaitProgress } from '../../../client/jobs/wait.ts';

/** Examining the fleet takes a dozen calls, so it is done no more often. A job that starts sooner needs no explanation. */
export const LOOK_UP_INTERVAL_MS = 30_000;

/** Finds out what jobs wait for, after half a minute in which none runs, and then every half minute. */
export class WaitReason {
  readonly #fleet: Pick<Fleet, 'status' | 'context'>;
  #job: string | undefined;
  #lookedMs: number;
  #text: string | undefined;

  constructor(fleet: Pick<Fleet, 'status' | 'context'>) {
    this.#fleet = fleet;
    this.#lookedMs = fleet.context.clock.monotonic();
  }

  /** What the first waiting job waits for; undefined while it is unknown or a job runs. */
  get text(): string | undefined {
    return this.#text;
  }

  /** To be called after each check of the jobs. Resolves when the fleet was examined, if that was due. */
  async update({
    running,
    retrying,
    waiting,
  }: Pick<WaitProgress, 'running' | 'retrying' | 'waiting'>): Promise<void> {
    const { clock } = this.#fleet.context;
    const job = running.length > 0 ? undefined : [...retrying, ...waiting][0]?.id;
    if (job !== this.#job) {
      this.#job = job;
      this.#text = undefined;
      this.#lookedMs = clock.monotonic();
    }
    if (job === undefined || clock.monotonic() - this.#lookedMs < LOOK_UP_INTERVAL_MS) return;
    this.#lookedMs = clock.monotonic();
    const text = await this.#look(job);
    if (job === this.#job) this.#text = text;
  }

  /** An error does not end the waiting. */
  #look(job: string): Promise<string | undefined> {
    return this.#fleet.status(job, { waitsFor: true }).then(
      ({ waitsFor }) => waitsFor?.text,
      () => undefined,
    );
  }
}
