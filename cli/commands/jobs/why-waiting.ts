import type { Fleet } from '../../../client/fleet.ts';
import type { WaitProgress } from '../../../client/jobs/wait.ts';

/** A job that starts sooner needs no explanation, and one look at the fleet is a dozen calls: no more often than this. */
export const LOOK_MS = 30_000;

/** What jobs wait for of which none runs: known after half a minute, and looked at anew each half minute. */
export class WhyWaiting {
  readonly #fleet: Pick<Fleet, 'status' | 'context'>;
  #job: string | undefined;
  #lookedMs: number;
  #text: string | undefined;

  constructor(fleet: Pick<Fleet, 'status' | 'context'>) {
    this.#fleet = fleet;
    this.#lookedMs = fleet.context.clock.monotonic();
  }

  /** A clause about the first of those that wait; undefined while it is not known, or one runs. */
  get text(): string | undefined {
    return this.#text;
  }

  /** To be called after each look at the jobs. Resolves when the fleet has been looked at, if it is time for that. */
  async see({ running, again, waiting }: Pick<WaitProgress, 'running' | 'again' | 'waiting'>): Promise<void> {
    const { clock } = this.#fleet.context;
    const job = running.length > 0 ? undefined : [...again, ...waiting][0]?.id;
    if (job !== this.#job) {
      this.#job = job;
      this.#text = undefined;
      this.#lookedMs = clock.monotonic();
    }
    if (job === undefined || clock.monotonic() - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = clock.monotonic();
    const text = await this.#look(job);
    if (job === this.#job) this.#text = text;
  }

  /** Whatever this look ends with, the waiting goes on. */
  #look(job: string): Promise<string | undefined> {
    return this.#fleet.status(job, { waitsFor: true }).then(
      ({ waitsFor }) => waitsFor?.text,
      () => undefined,
    );
  }
}
