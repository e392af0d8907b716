import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { expect, it } from 'vitest';
import type { History, InstanceHistory } from '../../demo/history.ts';
import { tickStep } from '../../demo/picture/frame.ts';
import { toLanes } from '../../demo/picture/instance-bars.ts';
import { drawTimeline } from '../../demo/picture/timeline.ts';

const run = (job: string, startedMs: number, endedMs: number) => ({ job, startedMs, endedMs, status: 0 });

const life: InstanceHistory = {
  id: 'i-0123456789abcdef0',
  launchedMs: 2_000,
  readyMs: 3_000,
  endedMs: 9_000,
  jobs: [run('m-1', 3_000, 4_000), run('m-2', 3_500, 5_000), run('m-3', 4_000, 6_000)],
  reason: 'idle',
  idleSeconds: 3,
};

const history: History = {
  startedMs: 1_000,
  endedMs: 11_000,
  samples: [
    { atMs: 1_000, visible: 0, inFlight: 0, desired: 0, running: 0 },
    { atMs: 1_500, visible: 3, inFlight: 0, desired: 1, running: 0 },
    { atMs: 3_000, visible: 1, inFlight: 2, desired: 1, running: 1 },
    { atMs: 9_000, visible: 0, inFlight: 0, desired: 0, running: 0 },
  ],
  instances: [life],
  marks: [{ atMs: 1_500, label: '3 jobs <sent> & "counted"' }],
};

it('is well-formed whatever the texts, and has a summary', () => {
  const svg = drawTimeline(history);
  expect(XMLValidator.validate(svg)).toBe(true);
  const words = textsOf(svg);
  expect(words).toContain('3 jobs on 1 instance, at most 1 at once, 10 seconds');
  expect(words).toContain('3 jobs · idle for 3 s');
  expect(words).toContain('3 jobs <sent> & "counted"');
});

it('draws an empty history', () => {
  const svg = drawTimeline({ startedMs: 0, endedMs: 0, samples: [], instances: [], marks: [] });
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg).not.toMatch(/NaN|Infinity/);
});

it('puts jobs that overlap in different lanes', () => {
  expect(toLanes(life.jobs).map((lane) => lane.map(({ job }) => job))).toEqual([['m-1', 'm-3'], ['m-2']]);
});

it.each([
  [48, 12, 5],
  [10, 12, 1],
  [120, 12, 10],
  [7, 5, 2],
  [0.4, 4, 0.1],
])('%d units in at most %d ticks are %d apart', (length, most, step) => {
  expect(tickStep(length, most)).toBeCloseTo(step);
});

function textsOf(svg: string): string[] {
  const parsed = new XMLParser({ ignoreAttributes: true, htmlEntities: true }).parse(svg) as {
    svg: { text: unknown[] };
  };
  return parsed.svg.text.map(String);
}
