import type { GroupPlan, RequestPlan } from '../../../client/requests/types.ts';
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
  const { name, size, jobs, batches, notes } = group;
  const lines = [
    `${paint('bold', escapeLine(name))}: ${jobs.length} of ${countOf(size, 'target')}, ${countOf(batches.length, 'batch').replace('batchs', 'batches')}, ` +
      `lanes: ${lanesText(group)}, at most ${group.atOnce} at a time`,
    ...notes.map((note) => `  ${note}`),
    ...presentTexts(group).map((text) => `  ${text}`),
    turnsTable(group, table),
  ];
  return lines.join('\n');
}

/** What the group has now, which delays the request. */
function presentTexts({ name, running, held, halted }: GroupPlan): string[] {
  const others =
    running + held > 0
      ? [`It has ${countOf(running, 'job')} out and ${held} held now, with which the request takes turns.`]
      : [];
  const stop =
    halted === undefined
      ? []
      : [`It is ${halted}: nothing runs before \`mayfly group resume ${escapeLine(name)}\`.`];
  return [...others, ...stop];
}

/** A row for each turn, with the target in each lane. */
function turnsTable({ jobs, atOnce }: GroupPlan, table: TableOptions): string {
  const turns = [...Map.groupBy(jobs, ({ turn }) => turn)];
  const lanes = Array.from({ length: Math.min(atOnce, jobs.length) }, (_, index) => `lane ${index + 1}`);
  const rows = turns.slice(0, MOST_ROWS).map(([turn, some]) => {
    const cells = lanes.map((_, index) => some.find(({ lane }) => lane === index + 1)?.target ?? '');
    return [String(some[0]?.batch ?? ''), String(turn), ...cells.map(escapeLine)];
  });
  const more = turns.length - rows.length;
  const left = more > 0 ? `\nand ${countOf(more, 'more turn')}; --json prints all of them` : '';
  return `${formatTable(['batch', 'turn', ...lanes], rows, table)}${left}`;
}
