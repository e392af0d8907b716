import type { GroupPlan, RequestPlan } from '../../../client/requests/plan.ts';
import type { PlannedBatch } from '../../../client/requests/plan-view.ts';
import { formatTable, type TableOptions } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint } from '../../terminal/paint.ts';
import { lanesText } from '../group/words.ts';
import { policyTexts } from './words.ts';

/** Turns of a group that are shown. */
const MOST_ROWS = 50;

/** A plan as text: for each group a table of who runs when, in which batch and lane. */
export function planText(plan: RequestPlan, paint: Paint, table: TableOptions): string {
  const { count, groups, exists, policy } = plan;
  const head = exists
    ? 'The request is there already, of the same targets: the command would make no second one.'
    : `${countOf(count, 'job')} in ${countOf(groups.length, 'group')}. Nothing was sent.`;
  const lines = [head, ...policyTexts(policy).map((text) => `  ${text}`)];
  return [lines.join('\n'), ...groups.map((group) => groupText(group, paint, table))].join('\n\n');
}

function groupText(group: GroupPlan, paint: Paint, table: TableOptions): string {
  const { name, size, batches, notes, atOnce } = group;
  const count = batches.reduce((sum, { targets }) => sum + targets.length, 0);
  const most = Math.min(atOnce, largestOf(batches));
  const lines = [
    `${paint('bold', escapeLine(name))}: ${count} of ${countOf(size, 'target')}, lanes: ${lanesText(group)}, ${most} at a time`,
    ...notes.map((note) => `  ${note}`),
    ...presentTexts(group).map((text) => `  ${text}`),
    turnsTable(group, table),
  ];
  return lines.join('\n');
}

/** What the group has now, which delays the request. */
function presentTexts({ name, size, sizeNow, running, held, halted }: GroupPlan): string[] {
  const resized =
    sizeNow === undefined
      ? []
      : [`Its size is ${sizeNow} now. The request makes it ${size}, for all requests of the group.`];
  const others =
    running + held > 0
      ? [`It has ${countOf(running, 'job')} out and ${held} held now, with which the request takes turns.`]
      : [];
  const stop =
    halted === undefined
      ? []
      : [`It is ${halted}: nothing runs before \`mayfly group resume ${escapeLine(name)}\`.`];
  return [...resized, ...others, ...stop];
}

/** A row for each turn, with the target in each lane. */
function turnsTable({ batches, atOnce }: GroupPlan, table: TableOptions): string {
  const lanes = Array.from({ length: Math.min(atOnce, largestOf(batches)) }, (_, index) => index + 1);
  const rows = batches.flatMap((batch) => batchRows(batch, lanes));
  const shown = rows.slice(0, MOST_ROWS);
  const more = rows.length - shown.length;
  const left = more > 0 ? `\nand ${countOf(more, 'more turn')}; --json prints all of them` : '';
  const head = ['batch', 'turn', ...lanes.map((lane) => `lane ${lane}`)];
  if (rows.some((row) => row.at(-1) !== '')) head.push('then');
  return `${formatTable(head, shown, table)}${left}`;
}

function largestOf(batches: readonly PlannedBatch[]): number {
  return Math.max(...batches.map(({ targets }) => targets.length));
}

function batchRows(
  { number, targets, pausesAfter, stopsAtFailure }: PlannedBatch,
  lanes: readonly number[],
): string[][] {
  const turns = [...Map.groupBy(targets, ({ turn }) => turn)];
  return turns.map(([turn, some], index) => {
    const inLane = lanes.map((lane) => escapeLine(some.find((one) => one.lane === lane)?.target ?? ''));
    const isLast = index === turns.length - 1;
    const stop =
      stopsAtFailure === undefined || stopsAtFailure === 1 ? '' : `stops at failure ${stopsAtFailure}`;
    const then = [stop, ...(pausesAfter ? ['pauses after it'] : [])].filter(Boolean).join(', ');
    return [String(number), String(turn), ...inLane, isLast ? then : ''];
  });
}
