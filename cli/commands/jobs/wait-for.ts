import { statusOfJobs } from '../../exit-code.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import type { WaitProgress } from '../../../client/jobs/wait.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { createProgress, type Moment } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import { count } from '../../terminal/words.ts';
import { untilInterrupted } from '../interrupt.ts';
import { goingOn } from './job-words.ts';
import { printJobs, sayUnknown, showJobs } from './show-jobs.ts';
import { WhyWaiting } from './why-waiting.ts';

export interface WaitForOptions {
  timeoutSeconds?: number;
  pollSeconds: number;
  json: boolean;
  /** One id was asked for: its JSON is an object. */
  single: boolean;
  /** How stderr tells what goes on. Default `text`. */
  progress?: 'text' | 'json';
}

/** A look at the jobs, as a line of `--progress json`. What is not ended, running or to be tried again waits for its first try. */
interface Look {
  waitedSeconds: number;
  total: number;
  ended: number;
  /** Those of `ended` that did not succeed. */
  failed: number;
  running: number;
  /** Jobs that wait to be tried again. */
  retrying: number;
}

/** Waits for jobs and shows what goes on, then what became of them; the exit status is theirs. */
export async function waitFor(
  fleet: Fleet,
  ids: readonly string[],
  { timeoutSeconds, pollSeconds, json, single, progress = 'text' }: WaitForOptions,
): Promise<void> {
  const options = { pollSeconds, ...(timeoutSeconds !== undefined && { timeoutSeconds }) };
  const jobs = await followed(fleet, ids, options, progress);
  sayUnknown(fleet, jobs);
  if (json) printJobs(jobs, single);
  else await showJobs(fleet, jobs);
  const left = jobs.filter(({ finished, state }) => !finished && state !== 'unknown').length;
  if (left > 0) {
    say(`${count(left, 'job')} had not ended after ${timeoutSeconds} s of waiting.`);
  }
  process.exitCode = statusOfJobs(jobs);
}

async function followed(
  fleet: Fleet,
  ids: readonly string[],
  options: { pollSeconds: number; timeoutSeconds?: number },
  kind: 'text' | 'json',
): Promise<JobView[]> {
  const { clock } = fleet.context;
  const startMs = clock.monotonic();
  const progress = createProgress();
  const course = new Course(ids.length);
  const why = new WhyWaiting(fleet);
  /** What it waits for is shown with the next look. */
  const showWhile = (now: WaitProgress) => {
    progress.show(course.moment(now, why.text));
    void why.see(now);
  };
  try {
    const wait = (signal: AbortSignal) =>
      fleet.wait(ids, {
        ...options,
        signal,
        onProgress: (now) => {
          course.see(now);
          // The end of the last one is told by what is shown next.
          if (kind === 'json') tellLook(course.look(now, (clock.monotonic() - startMs) / 1000));
          else if (now.left > 0) showWhile(now);
        },
      });
    return await untilInterrupted(wait, () => {
      progress.end();
      return farewell(ids, course.ended);
    });
  } finally {
    progress.end();
  }
}

function tellLook(look: Look): void {
  process.stderr.write(`${JSON.stringify(look)}\n`);
}

/** What is known from one look to the next. */
class Course {
  readonly #total: number;
  ended = 0;
  #failed = 0;

  constructor(total: number) {
    this.#total = total;
  }

  see({ left, total, ended }: WaitProgress): void {
    this.ended = total - left;
    this.#failed += ended.filter(({ state }) => state !== 'succeeded').length;
  }

  look({ total, running, again }: WaitProgress, waitedSeconds: number): Look {
    return {
      ...{ waitedSeconds: Math.round(waitedSeconds * 1000) / 1000, total },
      ...{ ended: this.ended, failed: this.#failed },
      ...{ running: running.length, retrying: again.length },
    };
  }

  /** @param why what they wait for, if that is known */
  moment({ total, running, again, throttled, unanswered }: WaitProgress, why: string | undefined): Moment {
    const [only] = [...running, ...again];
    const reason = why === undefined ? '' : `: ${escapeLine(why)}`;
    const pause = throttled ? '; AWS asks for fewer calls' : unanswered ? '; AWS gives no answer' : '';
    if (this.#total === 1) return { text: `${only ? goingOn(only) : 'not running yet'}${pause || reason}` };
    const failed = this.#failed > 0 ? `, ${this.#failed} not well` : '';
    const text = `${this.ended} of ${total} ended${failed}, ${running.length} running${pause || reason}`;
    return { text, done: this.ended, total };
  }
}

function farewell(ids: readonly string[], ended: number): string {
  const [only = ''] = ids;
  if (ids.length > 1) {
    return (
      `${ids.length - ended} of ${ids.length} jobs had not ended: only the waiting was stopped. ` +
      '`mayfly list` shows them, `mayfly wait` waits for them again, `mayfly cancel` ends them.'
    );
  }
  return (
    `Job ${only} goes on: only the waiting was stopped. \`mayfly status ${only}\` shows it, \`mayfly logs -f ${only}\` ` +
    `what it prints, and \`mayfly cancel ${only}\` ends it.`
  );
}
