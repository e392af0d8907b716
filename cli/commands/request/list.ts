import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { RequestView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { wholeNumber } from '../../options/values.ts';
import { bar } from '../../terminal/bar.ts';
import { formatTable } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { type Paint, paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { tableWidth } from '../jobs/show-jobs.ts';
import { formatTimestamp } from '../jobs/words.ts';
import { stateText } from './words.ts';

interface ListOptions {
  ended?: true;
  limit: number;
  json?: true;
}

/** `mayfly request list`: lists requests. */
export function requestListCommand(): Command {
  return addFleetOptions(
    new Command('list')
      .summary('list the requests that have not ended')
      .description('Lists the requests that have not ended, the newest first.')
      .option('--ended', 'list those that have ended too, after the others')
      .option('--limit <number>', 'how many to list at most', wholeNumber(1), 50)
      .option('--json', 'print a JSON array')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
Examples:
  mayfly request list
  mayfly request list --ended --limit 10
  mayfly request list --json | jq -r '.[] | select(.state == "stopped").id'
`;

async function run(fleet: Fleet, { ended, limit, json }: ListOptions): Promise<void> {
  const requests = await fleet.requests.list({ ended: ended ?? false, limit });
  if (json) return printJson(requests);
  if (requests.length === 0)
    return say(ended ? 'no requests.' : 'no open requests (--ended shows the others).');
  print(formatTable(HEAD, requests.map(row(paintFor(process.stdout))), tableWidth()));
  if (requests.length === limit) say(`the newest ${limit} (--limit shows more).`);
}

const HEAD = ['request', 'submitted', 'progress', 'done', 'failed', 'running', 'held', 'groups', 'state'];
const BAR_CELLS = 12;
const NAMED_GROUPS = 2;

function row(paint: Paint): (request: RequestView) => string[] {
  return (request) => {
    const { id, submittedAt, count, succeeded, failed, running, held, groups } = request;
    const parts = [
      ['green', succeeded],
      ['red', failed],
      ['cyan', running],
    ] as const;
    const names = groups.slice(0, NAMED_GROUPS).map(({ name }) => escapeLine(name));
    const more = groups.length - names.length;
    return [
      escapeLine(id),
      formatTimestamp(submittedAt),
      bar(BAR_CELLS, count, parts, paint),
      `${succeeded} of ${count}`,
      String(failed),
      String(running),
      String(held),
      `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      stateText(request, paint),
    ];
  };
}
