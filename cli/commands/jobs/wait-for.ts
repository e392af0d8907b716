import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import type { WaitProgress } from '../../../client/jobs/wait.ts';
import { jobsExitStatus } from '../../exit-code.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { createProgress, type ProgressState } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import { printJobs, reportUnknownJobs, showJobs } from './show-jobs.ts';
import { WaitReason } from './wait-reason.ts';
import { describeProgress } from './words.ts';

export interface WaitForOptions {
  timeoutSeconds?: number;
  pollSeconds: number;
  json: boolean;
  /** Whether one id was asked for: then the JSON output is an object. */
  single: boolean;
  /** The format of the progress on stderr. Default `text`. */
  progress?: 'text' | 'json';
}

/** A line of `--progress json`. The jobs that are in none of these counts wait for their first try. */
interface ProgressLine {
  waitedSeconds: number;
  total: number;
  ended: number;
  /** Those of `ended` that did not succeed. */
  failed: number;
  running: number;
  /** Jobs that wait for their next try. */
  retrying: number;
}

/** Waits for jobs, shows their progress and then their results, and sets the exit status by them. */
export async function waitAndShow(
  fleet: Fleet,
  ids: readonly string[],
  { timeoutSeconds, pollSeconds, json, single, progress = 'text' }: WaitForOptions,
): Promise<void> {
  const options = { pollSeconds, ...(timeoutSeconds !== undefined && { timeoutSeconds }) };
  const jobs = await waitWithProgress(fleet, ids, options, progress);
  reportUnknownJobs(fleet, jobs);
  if (json) printJobs(jobs, single);
  else await showJobs(fleet, jobs);
  const left = jobs.filter(({ finished, state }) => !finished && state !== 'unknown').length;
  if (left > 0) {
    say(`${countOf(left, 'job')} had not ended after ${timeoutSeconds} s of waiting.`);
  }
  process.exitCode = jobsExitStatus(jobs);
}

async function waitWithProgress(
  fleet: Fleet,
  ids: readonly string[],
  options: { pollSeconds: number; timeoutSeconds?: number },
  kind: 'text' | 'json',
): Promise<JobView[]> {
  const { clock } = fleet.context;
  const startMs = clock.monotonic();
  const progress = createProgress();
  const state = new WaitState(ids.length);
  const why = new WaitReason(fleet);
  /** The reason that it looks up now is shown with the next progress. */
  const show = (now: WaitProgress) => {
    progress.show(state.describe(now, why.text));
    void why.update(now);
  };
  try {
    const wait = (signal: AbortSignal) =>
      fleet.wait(ids, {
        ...options,
        signal,
        onProgress: (now) => {
          state.update(now);
          // At the end the results are shown instead.
          if (kind === 'json') printProgress(state.line(now, (clock.monotonic() - startMs) / 1000));
          else if (now.remaining > 0) show(now);
        },
      });
    return await runInterruptibly(wait, () => {
      progress.end();
      return interruptedMessage(ids, state.ended);
    });
  } finally {
    progress.end();
  }
}

function printProgress(line: ProgressLine): void {
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

/** Counts the jobs that have ended. */
class WaitState {
  readonly #total: number;
  ended = 0;
  #failed = 0;

  constructor(total: number) {
    this.#total = total;
  }

  update({ remaining, total, ended }: WaitProgress): void {
    this.ended = total - remaining;
    this.#failed += ended.filter(({ state }) => state !== 'succeeded').length;
  }

  line({ total, running, retrying }: WaitProgress, waitedSeconds: number): ProgressLine {
    return {
      ...{ waitedSeconds: Math.round(waitedSeconds * 1000) / 1000, total },
      ...{ ended: this.ended, failed: this.#failed },
      ...{ running: running.length, retrying: retrying.length },
    };
  }

  /** @param why what the jobs wait for, if that is known */
  describe(
    { total, running, retrying, throttled, unanswered }: WaitProgress,
    why: string | undefined,
  ): ProgressState {
    const [only] = [...running, ...retrying];
    const reason = why === undefined ? '' : `: ${escapeLine(why)}`;
    const pause = throttled ? '; AWS throttles the calls' : unanswered ? '; AWS does not answer' : '';
    if (this.#total === 1)
      return { text: `${only ? describeProgress(only) : 'not running yet'}${pause || reason}` };
    const failed = this.#failed > 0 ? `, ${this.#failed} without success` : '';
    const text = `${this.ended} of ${total} ended${failed}, ${running.length} running${pause || reason}`;
    return { text, done: this.ended, total };
  }
}

function interruptedMessage(ids: readonly string[], ended: number): string {
  const [only = ''] = ids;
  if (ids.length > 1) {
    return (
      `${ids.length - ended} of ${ids.length} jobs have not ended and continue: only the waiting was stopped. ` +
      '`mayfly list` shows them, `mayfly wait` waits for them again, `mayfly cancel` cancels them.'
    );
  }
  return (
    `Job ${only} continues: only the waiting was stopped. \`mayfly status ${only}\` shows it, \`mayfly logs -f ${only}\` ` +
    `shows its output, and \`mayfly cancel ${only}\` cancels it.`
  );
}
