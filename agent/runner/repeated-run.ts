import type { Clock } from '../../aws/clock.ts';
import { EX_DATAERR } from '../../jobs/outcome.ts';
import type { Run, RunEnd, WorkerResult } from './runner.ts';

export interface RepeatedRunOptions {
  /** Starts the command once. */
  start: () => Run;
  clock: Clock;
  /** Between the end of a run and the next. Default: 5 s. */
  delayMs?: number;
}

const DELAY_MS = 5000;

/**
 * A command that is repeated, with a delay, until it exits with 0 (healthy) or with 65 (never healthy), or is stopped. It has no
 * limit of its own: the one who enforces the limit of a run stops it.
 *
 * It ends as its last run. A run that was not started, or was lost with its slot, is the last one too: what it found out is
 * unknown. A run that `stop` came too late for is not repeated, and neither is one in the delay after it: its end then counts
 * as stopped. Its result is that of its last run too, or of the run before if that one was stopped before it had written one.
 */
export class RepeatedRun implements Run {
  readonly ended: Promise<RunEnd>;
  readonly #options: RepeatedRunOptions;
  readonly #delay = new AbortController();
  #current: Run;
  #lastOwnEnd: RunEnd | undefined;

  constructor(options: RepeatedRunOptions) {
    this.#options = options;
    this.#current = options.start();
    this.ended = this.#repeat();
  }

  /** How the command last ended by itself. Undefined: it has not. */
  get lastOwnEnd(): RunEnd | undefined {
    return this.#lastOwnEnd;
  }

  stop(graceMs: number): void {
    this.#delay.abort();
    this.#current.stop(graceMs);
  }

  async #repeat(): Promise<RunEnd> {
    const { start, clock, delayMs = DELAY_MS } = this.#options;
    const { signal } = this.#delay;
    for (;;) {
      const end = await this.#current.ended;
      if (end.kind === 'not-started' || end.kind === 'lost') return end;
      if (!end.stopped) this.#lastOwnEnd = end;
      if (end.stopped) return { ...resultOf(this.#lastOwnEnd), ...end };
      if (isAnswer(end)) return end;
      if (!signal.aborted) await clock.sleep(delayMs, signal).catch(() => undefined);
      if (signal.aborted) return { ...end, stopped: true };
      this.#current = start();
    }
  }
}

function resultOf(end: RunEnd | undefined): { result?: WorkerResult } {
  return end && 'result' in end && end.result ? { result: end.result } : {};
}

function isAnswer(end: RunEnd): boolean {
  return end.kind === 'exited' && (end.status === 0 || end.status === EX_DATAERR);
}
