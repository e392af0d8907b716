import { isHalted } from '../../../client/requests/halted.ts';
import type { OutView, RequestGroupView, RequestView } from '../../../client/requests/types.ts';
import { bar } from '../../terminal/bar.ts';
import { displayWidth, pad } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import type { Paint } from '../../terminal/paint.ts';
import { lineWidth, type Screen } from '../../terminal/screen.ts';
import { stateText } from './words.ts';

const WIDEST_BAR = 30;
/** A longer name of a group is not padded to. */
const WIDEST_NAME = 40;

/** A line for each group of a request: what is done, running, held and failed. Groups that have ended come last. */
export function progressLines(
  request: RequestView,
  paint: Paint,
  screen: Pick<Screen, 'isTTY' | 'columns'>,
): string[] {
  const groups = [
    ...request.groups.filter(({ state }) => state !== 'ended'),
    ...request.groups.filter(({ state }) => state === 'ended'),
  ];
  const widest = Math.min(WIDEST_NAME, Math.max(...groups.map(({ name }) => displayWidth(name))));
  const isOpen = request.state === 'open' && !isHalted(request);
  const head = isOpen ? [] : [`${escapeLine(request.id)}: ${stateText(request, paint)}`];
  return [...head, ...groups.map((group) => groupLine(group, widest, paint, screen))];
}

function groupLine(
  group: RequestGroupView,
  widest: number,
  paint: Paint,
  screen: Pick<Screen, 'isTTY' | 'columns'>,
): string {
  const name = escapeLine(group.name);
  if (screen.isTTY !== true) return `${name}: ${countsText(group)}`;
  const width = Math.min(WIDEST_BAR, Math.floor(lineWidth(screen) / 3));
  return `${pad(name, widest)}  ${groupBar(group, width, paint)}  ${countsText(group)}`;
}

/** The jobs of a request in a group as a bar: succeeded, failed, running. The rest is dots. */
export function groupBar(group: RequestGroupView, width: number, paint: Paint): string {
  const { count, succeeded, failed, cancelled } = group;
  return bar(
    width,
    count,
    [
      ['green', succeeded],
      ['red', failed],
      ['yellow', cancelled],
      ['cyan', runningOf(group)],
    ],
    paint,
  );
}

/** `12 of 24 done, 1 running, 11 held, 0 failed, batch 2 of 5`. */
export function countsText(group: RequestGroupView): string {
  const { count, succeeded, failed, cancelled, held, batch, batches = 1, running } = group;
  const countIn = (wanted: OutView['stage']) => running.filter(({ stage }) => stage === wanted).length;
  const [checked, rolledBack, unhealthy] = [countIn('check'), countIn('rollBack'), countIn('unhealthy')];
  return [
    `${succeeded} of ${count} done`,
    `${runningOf(group)} running`,
    ...(checked > 0 ? [`${checked} being checked`] : []),
    ...(rolledBack > 0 ? [`${rolledBack} being rolled back`] : []),
    `${held} held`,
    `${failed} failed`,
    ...(unhealthy > 0 ? [`${unhealthy} unhealthy`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(batch !== undefined && batches > 1 ? [`batch ${batch} of ${batches}`] : []),
  ].join(', ');
}

function runningOf({ running }: RequestGroupView): number {
  return running.filter(({ stage }) => stage === 'job').length;
}
