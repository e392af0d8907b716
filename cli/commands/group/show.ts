import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { GroupView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseName } from '../../options/values.ts';
import { bar } from '../../terminal/bar.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { type Paint, paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { wrapLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';
import { haltText, outText } from './words.ts';

/** `mayfly group show`: shows the lanes of one group and what has them. */
export function groupShowCommand(): Command {
  return addFleetOptions(
    new Command('show')
      .summary('show the lanes of a group, and which jobs have them')
      .description(
        'Shows the lanes of a group, which jobs have them and for how long, the requests whose jobs are held in the order ' +
          'of their turns, and why nothing is released if it is stopped or paused.',
      )
      .argument('<group>', 'the name of the group', parseName)
      .option('--json', 'print JSON')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
A group that nobody has used is empty.

Examples:
  mayfly group show shop/web
  mayfly group show shop/web --json | jq '.running[].target'
`;

async function run(fleet: Fleet, name: string, { json }: { json?: true }): Promise<void> {
  showGroup(await fleet.groups.show(name), fleet.context.clock.now(), json);
}

/** Prints a group, as text or JSON. */
export function showGroup(group: GroupView, nowMs: number, json: true | undefined): void {
  if (json) printJson(group);
  else print(groupText(group, nowMs, paintFor(process.stdout), process.stdout));
}

const WIDEST_BAR = 20;

/** A group as text: its lanes as a bar, what has them, what waits. */
function groupText(
  group: GroupView,
  nowMs: number,
  paint: Paint,
  screen: Pick<Screen, 'isTTY' | 'columns'>,
): string {
  const { name, lanes, running } = group;
  const halt = haltText(group, paint);
  const lines = [
    `${paint('bold', escapeLine(name))}${halt && `  ${halt}`}`,
    ...adviceOf(group).map((line) => `  ${line}`),
    `  ${bar(Math.min(WIDEST_BAR, lanes), lanes, [['cyan', running.length]], paint)}  ` +
      `${running.length} of ${countOf(lanes, 'lane')} taken${sizeText(group)}`,
    ...running.map((job) => `  ${outText(job, nowMs)}${requestOf(job.requestId)}`),
    ...waitingLines(group).map((line) => `  ${line}`),
  ];
  return lines.map((line) => wrapLines(line, screen, '    ')).join('\n');
}

function sizeText({ setting, size }: GroupView): string {
  if (typeof setting === 'number') return size === undefined ? '' : `, size ${size}`;
  return size === undefined
    ? `: ${setting} of its size, which nobody has stated, and at least one`
    : `, which are ${setting} of its size, ${size}`;
}

function adviceOf({ name, stopped, pausedAt }: GroupView): string[] {
  const command = `\`mayfly group resume ${escapeLine(name)}\``;
  if (stopped) {
    return [
      `look at the target, then: \`mayfly group free ${escapeLine(stopped.job)}\` frees its lane, ${command} all such lanes`,
    ];
  }
  return pausedAt === undefined ? [] : [`${command} ends the pause`];
}

function requestOf(request: string | undefined): string {
  return request === undefined ? '' : `  (request ${escapeLine(request)})`;
}

function waitingLines({ requests, plain }: GroupView): string[] {
  return [
    ...requests.map(
      ({ id, state, running, held }) =>
        `request ${escapeLine(id)}, ${state}: ${running} running, ${held} held`,
    ),
    ...(plain === 0 ? [] : [`${countOf(plain, 'job')} without a request held`]),
  ];
}
