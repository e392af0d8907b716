import { Argument, Command } from 'commander';
import type { Fleet } from '../fleet/fleet.ts';
import type { Paused, Resumed } from '../fleet/pause.ts';
import { paintFor } from '../terminal/paint.ts';
import { print, printJson } from '../terminal/print.ts';
import { lineWidth } from '../terminal/screen.ts';
import { fleetText } from './fleet-text.ts';
import { moment } from './fleet-words.ts';
import { whole } from './values.ts';
import { onFleet, withFleet } from './with-fleet.ts';

const ACTIONS = ['pause', 'resume'] as const;

interface FleetOptions {
  retired: number;
  json?: true;
}

/** `mayfly fleet`: what a fleet does and will do; and to pause it. */
export function fleetCommand(): Command {
  return withFleet(
    new Command('fleet')
      .summary('show what the instances do and will do next; pause, resume')
      .description(
        'Shows what waits on the queue, each instance with the jobs that run on it and what it will do next and when, ' +
          'and why the last ones went. Or pauses the fleet, or resumes it.',
      )
      .addArgument(new Argument('[action]', 'what to do; by default only show').choices(ACTIONS))
      .option('--retired <number>', 'how many of those that went last', whole(0, 100), 5)
      .option('--json', 'print JSON')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

const NOTES = `
What an instance will do next is what it has told when it was heard of last, by
the same rules by which it acts. Times are in UTC.

pause:  nothing is launched, and agents take no new job once they have heard of
        it, within a minute. Jobs that run go on to their end, the others wait
        on the queue. Instances go when they have been idle for as long as ever.
resume: lifts a pause; and lets a fleet launch again whose boot breaker is open,
        because too many instances failed to boot or did no job. Those count no
        more.
Both can be repeated. With --json: {"pausedAt", "already"} and
{"pausedAt"?, "trippedAt"?, "suspended"}.

Examples:
  mayfly fleet
  watch -n 5 mayfly fleet
  mayfly fleet --json | jq '.instances[].jobs'
  mayfly fleet pause
`;

async function run(
  fleet: Fleet,
  action: (typeof ACTIONS)[number] | undefined,
  options: FleetOptions,
): Promise<void> {
  const { json, retired } = options;
  const now = () => fleet.context.clock.now();
  if (action === 'pause') return tell(await fleet.pause(), json, (paused) => pausedText(paused, now()));
  if (action === 'resume') return tell(await fleet.resume(), json, (resumed) => resumedText(resumed, now()));
  // A file or a pipe has lines as long as they are.
  const cells = process.stdout.isTTY ? lineWidth(process.stdout) : Number.POSITIVE_INFINITY;
  tell(await fleet.describe({ retired }), json, (view) =>
    fleetText(view, now(), paintFor(process.stdout), cells),
  );
}

function tell<T>(result: T, json: true | undefined, text: (result: T) => string): void {
  if (json) printJson(result);
  else print(text(result));
}

function pausedText({ pausedAt, already }: Paused, nowMs: number): string {
  if (already) return `It has been paused since ${moment(pausedAt, nowMs)}.`;
  return 'Paused: jobs that run go on to their end, the others wait. Go on with: mayfly fleet resume';
}

function resumedText({ pausedAt, trippedAt, suspended }: Resumed, nowMs: number): string {
  const lifted = [
    pausedAt && `it was paused since ${moment(pausedAt, nowMs)}`,
    trippedAt && `its boot breaker was open since ${moment(trippedAt, nowMs)}`,
  ].filter(Boolean);
  if (lifted.length > 0) return `Resumed: ${lifted.join(', and ')}.`;
  return suspended ? 'Resumed: its launches were suspended.' : 'Nothing was paused.';
}
