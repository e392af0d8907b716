import { countOf } from '../../cli/terminal/format.ts';
import { type History, peakInstances } from '../history.ts';
import { legend, queueChart } from './charts.ts';
import { FONT, marks, STYLE, timeAxis, timeScale } from './frame.ts';
import { instanceBars } from './instance-bars.ts';
import { element, text } from './svg.ts';

/** Draws a history: the queue and the number of instances over time, and below them a bar for each instance. */
export function drawTimeline(history: History): string {
  const scale = timeScale(history);
  const chartTop = STYLE.header + STYLE.gap;
  const livesTop = chartTop + STYLE.chart + STYLE.gap;
  const bottom = livesTop + history.instances.length * STYLE.row;
  const height = bottom + STYLE.footer;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${STYLE.width} ${height}`,
      width: STYLE.width,
      height,
      'font-family': FONT,
      role: 'img',
      'aria-label': subtitle(history),
    },
    element('rect', { width: STYLE.width, height, rx: 14, fill: STYLE.paper }),
    text('From zero, and back to zero', {
      x: STYLE.left,
      y: 42,
      'font-size': 22,
      'font-weight': 600,
      fill: STYLE.ink,
    }),
    text(subtitle(history), { x: STYLE.left, y: 66, 'font-size': 13.5, fill: STYLE.soft }),
    legend(90),
    timeAxis(scale, chartTop, bottom),
    queueChart(history.samples, scale, chartTop),
    marks(history.marks, scale, chartTop, bottom),
    instanceBars(history.instances, scale, livesTop, history.endedMs),
  );
}

function subtitle(history: History): string {
  const jobs = history.instances.reduce((sum, life) => sum + life.jobs.length, 0);
  const seconds = Math.round((history.endedMs - history.startedMs) / 1000);
  const instances = countOf(history.instances.length, 'instance');
  return `${countOf(jobs, 'job')} on ${instances}, at most ${peakInstances(history)} at once, ${countOf(seconds, 'second')}`;
}
