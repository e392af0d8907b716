import { Argument, Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { Drained } from '../../../client/instances/drain.ts';
import type { Paused, Resumed } from '../../../client/instances/pause.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { seconds, wholeNumber } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { paintFor } from '../../terminal/paint.ts';
import { print, printJson, printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { lineWidth } from '../../terminal/screen.ts';
import { formatRecentTime, REASON_TEXTS } from './reasons.ts';
import { fleetText } from './text.ts';
import { watchFleet } from './watch.ts';

const ACTIONS = ['pause', 'resume', 'drain'] as const;
type Action = (typeof ACTIONS)[number];

/** Default of `--watch`. */
const WATCH_SECONDS = 5;

interface FleetOptions {
  retired?: number;
  watch?: number | true;
  wait?: true;
  timeout?: number;
  json?: true;
}

/** `mayfly fleet`: shows what a fleet does and will do. Pauses and resumes it, and drains an instance. */
export function fleetCommand(): Command {
  const command = new Command('fleet')
    .summary('show the instances and what they will do; pause, resume, drain')
    .description(
      'Shows the queue, each instance with its running jobs and what it will do next and when, and why the last ' +
        'instances left. Or pauses the fleet, resumes it, or drains an instance.',
    )
    .usage('[options] [pause | resume | drain <instance>]')
    .addArgument(new Argument('[action]', 'what to do; default: show the fleet').choices(ACTIONS))
    .argument('[instance]', 'the instance to drain')
    .option('--retired <number>', 'how many retired instances to show; default: 5', wholeNumber(0, 100))
    .option(
      '--watch [seconds]',
      `refresh every so many seconds; default: ${WATCH_SECONDS}`,
      wholeNumber(1, 3600),
    )
    .option('--wait', 'with drain: return when the instance is gone')
    .option('--timeout <seconds>', 'with --wait: give up after this time; default: never', seconds(0))
    .option('--json', 'print JSON; with --watch one line for each refresh')
    .addHelpText('after', NOTES);
  return addFleetOptions(command).action((...args: unknown[]) => {
    const [action, instance, options] = args as [Action | undefined, string | undefined, FleetOptions];
    const usage = wrongUsage(action, instance, options);
    if (usage !== undefined) command.error(`error: ${usage}`);
    return run(...args);
  });
}

function wrongUsage(
  action: Action | undefined,
  instance: string | undefined,
  { retired, watch, wait, timeout, json }: FleetOptions,
): string | undefined {
  if (action === 'drain' && !instance)
    return 'drain needs the id of an instance. `mayfly fleet` shows the ids.';
  if (action !== 'drain' && instance !== undefined)
    return `${action} applies to the whole fleet: it takes no instance.`;
  if (action !== 'drain' && wait) return '--wait needs drain <instance>.';
  if (timeout !== undefined && !wait) return '--timeout needs drain <instance> --wait.';
  if (action !== undefined && (watch !== undefined || retired !== undefined)) {
    return `${action} does not take --watch or --retired: they are for showing the fleet.`;
  }
  if (watch !== undefined && !json && !process.stdout.isTTY) return '--watch needs a terminal, or --json.';
  return undefined;
}

const NOTES = `
Queue, group, jobs and instances are current. The numbers of SQS are
approximate. The state of an instance, its finished jobs and what it will do
next are as old as its last report ("reported"): agents report once a minute,
and when something changes. The agent computes what it will do next by the same
rules by which it acts. Times are in UTC.

pause:  no instance is launched, and agents stop taking jobs within a minute.
        Running jobs continue to their end, the others wait on the queue.
        Instances retire after their usual idle time.
resume: ends a pause. It also closes an open boot breaker, so that the fleet
        launches again: too many instances had failed to boot or had done no
        job. These failures no longer count.
drain:  the instance takes no new job after the next report of its agent, within
        a minute (\`reportInterval\`), and leaves when its jobs have ended. It is
        replaced only if jobs wait. This cannot be undone.

All three can be repeated. With --json they print {"pausedAt", "alreadyPaused"};
{"pausedAt"?, "trippedAt"?, "suspended"}; {"instance", "outcome",
"drainRequestedAt"?, "reason"?, "jobs"}. outcome is requested, leaving or gone.

Exit status: 0; 1 if there is no such instance; 123 if the instance was not gone
when the time to wait was over.

Examples:
  mayfly fleet
  mayfly fleet --watch
  mayfly fleet --json | jq '.instances[].jobs'
  mayfly fleet pause
  mayfly fleet drain i-0f1e2d3c4b5a69788 --wait
`;

const run = runOnFleet(
  async (fleet: Fleet, action: Action | undefined, instance: string = '', options: FleetOptions) => {
    const { json, retired = 5, watch } = options;
    const now = () => fleet.context.clock.now();
    if (action === 'pause') return report(await fleet.pause(), json, (paused) => pausedText(paused, now()));
    if (action === 'resume')
      return report(await fleet.resume(), json, (resumed) => resumedText(resumed, now()));
    if (action === 'drain') return drain(fleet, instance, options);
    if (watch) return watchFleet(fleet, { seconds: watch === true ? WATCH_SECONDS : watch, retired, json });
    const view = await fleet.describe({ retired });
    if (json) return printJson(view);
    // Lines for a file or a pipe are not wrapped.
    const cells = process.stdout.isTTY ? lineWidth(process.stdout) : Number.POSITIVE_INFINITY;
    print(fleetText(view, now(), paintFor(process.stdout), cells));
  },
);

async function drain(fleet: Fleet, instance: string, options: FleetOptions): Promise<void> {
  const { json, wait = false, timeout } = options;
  const limit = timeout === undefined ? {} : { timeoutSeconds: timeout };
  const progress = createProgress();
  if (wait) progress.show({ text: `waiting for ${escapeLine(instance)} to leave` });
  const drained = await runInterruptibly(
    (signal) => fleet.drain(instance, { wait, ...limit, signal }),
    'Only the waiting was stopped: the instance leaves when its jobs have ended.',
  ).finally(() => progress.end());
  report(drained, json, drainedText);
  if (wait && drained.outcome !== 'gone') process.exitCode = ExitCode.notEnded;
}

function report<T>(result: T, json: true | undefined, sentence: (result: T) => string): void {
  if (json) printJson(result);
  else printSentence(sentence(result));
}

function pausedText({ pausedAt, alreadyPaused }: Paused, nowMs: number): string {
  if (alreadyPaused) return `It has been paused since ${formatRecentTime(pausedAt, nowMs)}.`;
  return (
    'Paused: agents stop taking jobs within a minute. Running jobs continue to their end, the others wait. ' +
    'To resume: mayfly fleet resume'
  );
}

function resumedText({ pausedAt, trippedAt, suspended }: Resumed, nowMs: number): string {
  const ended = [
    pausedAt && `it was paused since ${formatRecentTime(pausedAt, nowMs)}`,
    trippedAt && `its boot breaker was open since ${formatRecentTime(trippedAt, nowMs)}`,
  ].filter(Boolean);
  if (ended.length > 0) return `Resumed: ${ended.join(', and ')}.`;
  return suspended ? 'Resumed: its launches were suspended.' : 'Nothing was paused.';
}

function drainedText({ instance, outcome, reason, jobs }: Drained): string {
  const name = escapeLine(instance);
  const why = reason === undefined ? '' : ` (${REASON_TEXTS[reason]})`;
  if (outcome === 'gone') return `${name} is gone${why}.`;
  if (outcome === 'leaving') return `${name} is leaving already${why}.`;
  const ended =
    jobs.length === 1 ? 'when its job has ended' : `when its ${countOf(jobs.length, 'job')} have ended`;
  const when = jobs.length === 0 ? 'then' : ended;
  return `${name} takes no new job after its agent's next report, within a minute, and leaves ${when}.`;
}
