import { Argument, Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import type { Drained } from '../../../client/instances/drain.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { Paused, Resumed } from '../../../client/instances/pause.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { paintFor } from '../../terminal/paint.ts';
import { print, printJson, printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { lineWidth } from '../../terminal/screen.ts';
import { count } from '../../terminal/words.ts';
import { fleetText } from './fleet-text.ts';
import { watchFleet } from './fleet-watch.ts';
import { moment, WHY } from './fleet-words.ts';
import { untilInterrupted } from '../interrupt.ts';
import { seconds, whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

const ACTIONS = ['pause', 'resume', 'drain'] as const;
type Action = (typeof ACTIONS)[number];

/** Seconds between two looks of `--watch`. */
const WATCH_SECONDS = 5;

interface FleetOptions {
  retired?: number;
  watch?: number | true;
  wait?: true;
  timeout?: number;
  json?: true;
}

/** `mayfly fleet`: what a fleet does and will do; to pause it, and to have one instance go. */
export function fleetCommand(): Command {
  const command = new Command('fleet')
    .summary('show what the instances do and will do next; pause, resume, drain')
    .description(
      'Shows what waits on the queue, each instance with the jobs that run on it and what it will do next and when, ' +
        'and why the last ones went. Or pauses the fleet, resumes it, or has one instance go when its jobs have ended.',
    )
    .usage('[options] [pause | resume | drain <instance>]')
    .addArgument(new Argument('[action]', 'what to do; by default only show').choices(ACTIONS))
    .argument('[instance]', 'which one is drained')
    .option('--retired <number>', 'how many of those that went last; default: 5', whole(0, 100))
    .option('--watch [seconds]', `look again and again; default: each ${WATCH_SECONDS} s`, whole(1, 3600))
    .option('--wait', 'with drain: return when the instance has gone')
    .option('--timeout <seconds>', 'with --wait: give up after this time; default: never', seconds(0))
    .option('--json', 'print JSON; with --watch a line for each look')
    .addHelpText('after', NOTES);
  return withFleet(command).action((...words: unknown[]) => {
    const [action, instance, options] = words as [Action | undefined, string | undefined, FleetOptions];
    const usage = wrongUsage(action, instance, options);
    if (usage !== undefined) command.error(`error: ${usage}`);
    return run(...words);
  });
}

function wrongUsage(
  action: Action | undefined,
  instance: string | undefined,
  { retired, watch, wait, timeout, json }: FleetOptions,
): string | undefined {
  if (action === 'drain' && !instance)
    return 'Which instance is to be drained? `mayfly fleet` shows their ids.';
  if (action !== 'drain' && instance !== undefined)
    return `${action} is for the whole fleet: it takes no instance.`;
  if (action !== 'drain' && wait) return '--wait is for drain <instance>.';
  if (timeout !== undefined && !wait) return '--timeout is for drain <instance> --wait.';
  if (action !== undefined && (watch !== undefined || retired !== undefined)) {
    return `--watch and --retired are for showing the fleet, not for ${action}.`;
  }
  if (watch !== undefined && !json && !process.stdout.isTTY) return '--watch needs a terminal, or --json.';
  return undefined;
}

const NOTES = `
Queue, group, jobs and instances are as they are now; SQS's numbers are about
right. What an instance tells of itself (state, jobs done, next) is as old as
"heard" says: agents report once a minute, and when something changes. What it
will do next it decides by the same rules by which it acts. Times are in UTC.

pause:  nothing is launched, and agents take no new job once they have heard of
        it, within a minute. Jobs that run go on to their end, the others wait
        on the queue. Instances go when they have been idle for as long as ever.
resume: lifts a pause; and lets a fleet launch again whose boot breaker is open,
        because too many instances failed to boot or did no job. Those count no
        more.
drain:  the instance takes no new job from its agent's next report on, within a
        minute (\`reportInterval\`), and goes when its jobs have ended. Nobody
        takes its place unless jobs wait. This cannot be taken back.
All can be repeated. With --json: {"pausedAt", "already"}; {"pausedAt"?,
"trippedAt"?, "suspended"}; {"instance", "outcome", "drainRequestedAt"?,
"reason"?, "jobs"}, outcome is requested, leaving or gone.

Exit status: 0; 1 if there is no such instance; 123 if one that was waited for
has not gone when the waiting was given up.

Examples:
  mayfly fleet
  mayfly fleet --watch
  mayfly fleet --json | jq '.instances[].jobs'
  mayfly fleet pause
  mayfly fleet drain i-0f1e2d3c4b5a69788 --wait
`;

const run = onFleet(
  async (fleet: Fleet, action: Action | undefined, instance: string = '', options: FleetOptions) => {
    const { json, retired = 5, watch } = options;
    const now = () => fleet.context.clock.now();
    if (action === 'pause') return tell(await fleet.pause(), json, (paused) => pausedText(paused, now()));
    if (action === 'resume')
      return tell(await fleet.resume(), json, (resumed) => resumedText(resumed, now()));
    if (action === 'drain') return drain(fleet, instance, options);
    if (watch) return watchFleet(fleet, { seconds: watch === true ? WATCH_SECONDS : watch, retired, json });
    const view = await fleet.describe({ retired });
    if (json) return printJson(view);
    // A file or a pipe has lines as long as they are.
    const cells = process.stdout.isTTY ? lineWidth(process.stdout) : Number.POSITIVE_INFINITY;
    print(fleetText(view, now(), paintFor(process.stdout), cells));
  },
);

async function drain(fleet: Fleet, instance: string, options: FleetOptions): Promise<void> {
  const { json, wait = false, timeout } = options;
  const limit = timeout === undefined ? {} : { timeoutSeconds: timeout };
  const progress = createProgress();
  if (wait) progress.show({ text: `waiting for ${escapeLine(instance)} to go` });
  const drained = await untilInterrupted(
    (signal) => fleet.drain(instance, { wait, ...limit, signal }),
    'Only the waiting was stopped: the instance goes when its jobs have ended.',
  ).finally(() => progress.end());
  tell(drained, json, drainedText);
  if (wait && drained.outcome !== 'gone') process.exitCode = ExitCode.notEnded;
}

function tell<T>(result: T, json: true | undefined, sentence: (result: T) => string): void {
  if (json) printJson(result);
  else printSentence(sentence(result));
}

function pausedText({ pausedAt, already }: Paused, nowMs: number): string {
  if (already) return `It has been paused since ${moment(pausedAt, nowMs)}.`;
  return 'Paused: agents hear of it within a minute. Jobs that run go on to their end, the others wait. Go on with: mayfly fleet resume';
}

function resumedText({ pausedAt, trippedAt, suspended }: Resumed, nowMs: number): string {
  const lifted = [
    pausedAt && `it was paused since ${moment(pausedAt, nowMs)}`,
    trippedAt && `its boot breaker was open since ${moment(trippedAt, nowMs)}`,
  ].filter(Boolean);
  if (lifted.length > 0) return `Resumed: ${lifted.join(', and ')}.`;
  return suspended ? 'Resumed: its launches were suspended.' : 'Nothing was paused.';
}

function drainedText({ instance, outcome, reason, jobs }: Drained): string {
  const name = escapeLine(instance);
  const why = reason === undefined ? '' : ` (${WHY[reason]})`;
  if (outcome === 'gone') return `${name} has gone${why}.`;
  if (outcome === 'leaving') return `${name} is on its way out${why}.`;
  const left =
    jobs.length === 1 ? 'when its job has ended' : `when its ${count(jobs.length, 'job')} have ended`;
  const when = jobs.length === 0 ? 'when it has no job' : left;
  return `${name} takes no new job from its agent's next report on, within a minute, and goes ${when}.`;
}
