import type { JobView } from '../../../client/jobs/view.ts';
import { isHalted } from '../../../client/requests/halted.ts';
import type { RequestGroupView, RequestView } from '../../../client/requests/types.ts';
import { formatTable, type TableOptions } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint } from '../../terminal/paint.ts';
import { wrapLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';
import { outText } from '../group/words.ts';
import { formatTimestamp, paintState, stageName, stateReason } from '../jobs/words.ts';
import { countsText, groupBar } from './progress.ts';
import { policyTexts, stateText } from './words.ts';

export interface RequestTextOptions {
  nowMs: number;
  paint: Paint;
  screen: Pick<Screen, 'isTTY' | 'columns'>;
  table: TableOptions;
}

const BAR_CELLS = 24;
/** Running jobs of a group that are named. */
const NAMED = 10;

/** A request as text: its state and what to do about it, each group with a bar, and the jobs that failed. */
export function requestText(
  request: RequestView,
  failedJobs: readonly JobView[],
  options: RequestTextOptions,
): string {
  const { paint, screen } = options;
  const head = [
    `${paint('bold', escapeLine(request.id))}  ${stateText(request, paint)}`,
    ...[factsText(request), ...policyTexts(request.policy), ...adviceTexts(request)].map(
      (line) => `  ${line}`,
    ),
  ];
  const wrap = (lines: readonly string[]) => lines.map((line) => wrapLines(line, screen, '    ')).join('\n');
  return [
    wrap(head),
    ...request.groups.map((group) => wrap(groupLines(group, request, options))),
    ...(failedJobs.length === 0 ? [] : [failedTable(failedJobs, request, options)]),
  ].join('\n\n');
}

function factsText(request: RequestView): string {
  const { count, groups, submittedAt, endedAt, label, retryOf, retriedAs, skipped } = request;
  return [
    `${countOf(count, 'job')} in ${countOf(groups.length, 'group')}`,
    `submitted ${formatTimestamp(submittedAt)}`,
    ...(endedAt === undefined ? [] : [`ended ${formatTimestamp(endedAt)}`]),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    ...(label === undefined ? [] : [`label ${escapeLine(label)}`]),
    ...(retryOf === undefined ? [] : [`retry of ${escapeLine(retryOf)}`]),
    ...(retriedAs === undefined ? [] : [`retried as ${escapeLine(retriedAs)}`]),
  ].join(', ');
}

/** What a person can do, if the request waits for one or jobs of it failed. */
function adviceTexts(request: RequestView): string[] {
  const { state, failed, cancelAt, retriedAs } = request;
  const id = escapeLine(request.id);
  const isToRetry = failed > 0 && retriedAs === undefined;
  const isWaiting = state === 'stopped' || state === 'paused' || isHalted(request);
  const isGroups = request.groups.some(({ waitsFor }) => waitsFor?.what === 'group');
  if (request.endedAt !== undefined) {
    return isToRetry ? [`\`mayfly request retry ${id}\` repeats what failed`] : [];
  }
  if (!isWaiting) return [];
  return [
    ...(isGroups ? [] : [`\`mayfly request resume ${id}\` goes on`]),
    ...(isToRetry ? [`\`mayfly request retry ${id}\` repeats what failed, as a new request`] : []),
    `\`mayfly request cancel ${id}\` gives up what is held`,
    ...(cancelAt === undefined ? [] : [`it is cancelled by itself at ${formatTimestamp(cancelAt)}`]),
  ];
}

function groupLines(
  group: RequestGroupView,
  request: RequestView,
  { paint, nowMs }: RequestTextOptions,
): string[] {
  const { name, state, reason, lanes, size, running, waitsFor } = group;
  // What stopped the whole request is said above.
  const isOwn = reason !== undefined && reason !== request.reason;
  const shown = state === 'open' ? '' : `  ${state}${isOwn ? `: ${escapeLine(reason)}` : ''}`;
  const room = lanes === undefined ? '' : `  ${countOf(lanes, 'lane')}, size ${size}`;
  const more = running.length - NAMED;
  const isSaid = waitsFor?.what === 'request' && request.state !== 'open';
  return [
    `${paint('bold', escapeLine(name))}${shown}${room}`,
    `  ${groupBar(group, BAR_CELLS, paint)}  ${countsText(group)}`,
    ...running.slice(0, NAMED).map((job) => `  ${outText(job, nowMs)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(waitsFor === undefined || isSaid ? [] : [`  why the next one is held: ${escapeLine(waitsFor.text)}`]),
  ];
}

function failedTable(
  jobs: readonly JobView[],
  { id, failed }: RequestView,
  { paint, table }: RequestTextOptions,
): string {
  const rows = jobs.map((job) => [
    escapeLine(job.id),
    escapeLine(job.target ?? ''),
    stageName(job.stage),
    paintState(job, paint),
    stateReason(job),
  ]);
  const left = failed - jobs.filter(({ stage }) => stage === undefined).length;
  const more =
    left > 0
      ? `\nand ${left} more: mayfly list --request ${escapeLine(id)} --state failed,timed_out,lost`
      : '';
  return `${formatTable(['failed', 'target', 'what', 'state', 'why'], rows, table)}${more}`;
}
