import { countOf } from '../../cli/terminal/format.ts';
import type { InstanceHistory, JobRun } from '../history.ts';
import { STYLE, type TimeScale } from './frame.ts';
import { element, text, title } from './svg.ts';

/** A bar for each instance: its boot, its idle time, its jobs (a lane for each slot), and why it retired. */
export function instanceBars(
  lives: readonly InstanceHistory[],
  scale: TimeScale,
  top: number,
  endMs: number,
): string {
  return lives.map((life, index) => lifeBar(life, scale, top + index * STYLE.row, endMs)).join('');
}

function lifeBar(life: InstanceHistory, scale: TimeScale, y: number, endMs: number): string {
  const height = STYLE.row - 10;
  const ended = life.endedMs ?? endMs;
  const ready = Math.min(life.readyMs ?? ended, ended);
  const bar = (from: number, to: number, fill: string) =>
    element('rect', { x: scale.x(from), y, width: Math.max(scale.x(to) - scale.x(from), 0.5), height, fill });
  const id = { x: scale.left - 12, y: y + 14, 'text-anchor': 'end', 'font-size': 11.5, fill: STYLE.ink };
  return [
    text(`${life.id.slice(0, 10)}…`, { ...id, 'font-family': "'DejaVu Sans Mono', monospace" }),
    bar(life.launchedMs, ready, STYLE.boot),
    bar(ready, ended, STYLE.idle),
    ...toLanes(life.jobs).flatMap((lane, index, lanes) =>
      lane.map((run) => jobBar(run, scale, y + (index * height) / lanes.length, height / lanes.length)),
    ),
    ...end(life, scale, y, height),
  ].join('');
}

function jobBar(run: JobRun, scale: TimeScale, y: number, height: number): string {
  const x = scale.x(run.startedMs);
  const fill = run.status === 0 ? STYLE.job : STYLE.failed;
  const seconds = ((run.endedMs - run.startedMs) / 1000).toFixed(1);
  return element(
    'rect',
    // A small gap on the right separates consecutive jobs.
    {
      x,
      y: y + 0.75,
      width: Math.max(scale.x(run.endedMs) - x - 0.8, 0.8),
      height: height - 1.5,
      rx: 1.5,
      fill,
    },
    title(`${run.job}: ${seconds} s, ${run.status === undefined ? 'stopped' : `exit status ${run.status}`}`),
  );
}

/** A line where the instance ended, and the reason. */
function end(life: InstanceHistory, scale: TimeScale, y: number, height: number): string[] {
  const jobs = countOf(life.jobs.length, 'job');
  const idle = life.idleSeconds === undefined ? '' : ` for ${life.idleSeconds.toFixed(0)} s`;
  const why = life.reason ? `${jobs} · ${life.reason}${life.reason === 'idle' ? idle : ''}` : jobs;
  const x = scale.x(life.endedMs ?? Number.MAX_SAFE_INTEGER);
  // An outline in the background colour keeps the text readable where a mark crosses it.
  const outline = { stroke: STYLE.paper, 'stroke-width': 4, 'paint-order': 'stroke' };
  const label = text(why, { x: x + 8, y: y + 14, 'font-size': 12, fill: STYLE.ink, ...outline });
  if (life.endedMs === undefined) return [label];
  const stroke = { stroke: STYLE.ink, 'stroke-width': 2 };
  return [element('line', { x1: x, x2: x, y1: y - 2, y2: y + height + 2, ...stroke }), label];
}

/** Distributes runs to as few lanes as possible, like the slots of an agent. */
export function toLanes(runs: readonly JobRun[]): JobRun[][] {
  const lanes: JobRun[][] = [];
  for (const run of runs.toSorted((a, b) => a.startedMs - b.startedMs)) {
    const free = lanes.find((lane) => (lane.at(-1)?.endedMs ?? 0) <= run.startedMs);
    if (free) free.push(run);
    else lanes.push([run]);
  }
  return lanes;
}
