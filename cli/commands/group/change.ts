import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { GroupView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId, parseName } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { printJson, printSentence } from '../../terminal/print.ts';

type Change = (group: GroupView, argument: string) => string;

/** `mayfly group pause`: nothing of a group is released. */
export function groupPauseCommand(): Command {
  return addFleetOptions(
    new Command('pause')
      .summary('release nothing of a group until it is resumed')
      .description(
        'Pauses a group: none of its held jobs is released. Running jobs go on. It can be repeated.',
      )
      .argument('<group>', 'the name of the group', parseName)
      .option('--json', 'print the group as JSON')
      .addHelpText('after', examples('mayfly group pause shop/web')),
  ).action(runOnFleet(changes((fleet, name) => fleet.groups.pause(name), pausedText)));
}

/** `mayfly group resume`: ends a pause or a stop. */
export function groupResumeCommand(): Command {
  return addFleetOptions(
    new Command('resume')
      .summary('end the pause or the stop of a group')
      .description(
        'Ends the pause or the stop of a group. It also frees the lanes of all its jobs whose targets are not healthy: make ' +
          'sure that they are. A request that stopped needs `mayfly request resume` as well. It can be repeated.',
      )
      .argument('<group>', 'the name of the group', parseName)
      .option('--json', 'print the group as JSON')
      .addHelpText('after', examples('mayfly group resume shop/web')),
  ).action(runOnFleet(changes((fleet, name) => fleet.groups.resume(name), resumedText)));
}

/** `mayfly group free`: frees the lane of a job whose target is not healthy. */
export function groupFreeCommand(): Command {
  return addFleetOptions(
    new Command('free')
      .summary('free the lane of a job whose target is not healthy')
      .description(
        'Frees the lane of a job whose target was not healthy after it. If that was the last such job of its group, the group ' +
          'goes on. Make sure first that the target is well, or that the group can do without it.',
      )
      .argument('<job>', 'the job: `mayfly group show` has its id', parseId)
      .option('--json', 'print its group as JSON')
      .addHelpText('after', `${STATUS}${examples('mayfly group free r-0f1e2d3c4b5a697880aabbcc')}`),
  ).action(runOnFleet(changes((fleet, job) => fleet.groups.free(job), freedText)));
}

const STATUS = `
Exit status: 0; 1 if its lane is not held for an unhealthy target; 120 if the
job is unknown.
`;

const examples = (line: string) => `
Examples:
  ${line}
`;

function changes(change: (fleet: Fleet, argument: string) => Promise<GroupView>, text: Change) {
  return async (fleet: Fleet, argument: string, { json }: { json?: true }): Promise<void> => {
    const group = await change(fleet, argument);
    if (json) printJson(group);
    else printSentence(text(group, argument));
  };
}

function pausedText({ name, running, held }: GroupView): string {
  return (
    `${escapeLine(name)} is paused: ${held} held, and none of them is released. ${running.length} running, which go on. To ` +
    `resume: mayfly group resume ${escapeLine(name)}`
  );
}

function resumedText({ name, running, held, stopped }: GroupView): string {
  if (stopped) return `${escapeLine(name)} stays stopped: ${escapeLine(stopped.reason)}.`;
  return `${escapeLine(name)} goes on: ${running.length} running, ${held} held.`;
}

function freedText({ name, stopped }: GroupView, job: string): string {
  const next = stopped
    ? `${escapeLine(name)} stays stopped: job ${escapeLine(stopped.job)} has a lane too.`
    : `${escapeLine(name)} goes on.`;
  return `The lane of ${escapeLine(job)} is free. ${next}`;
}
