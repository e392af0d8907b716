import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { drawPanel, type PanelState, plainLine } from '../../demo/panel.ts';

const moment: PanelState = {
  sample: { atMs: 0, visible: 24, inFlight: 8, desired: 5, running: 4 },
  maxCapacity: 5,
  done: 16,
  jobs: 48,
  seconds: 12.4,
};

it('shows queue, instances and tiles as bars', () => {
  expect(drawPanel(moment, 80).map(stripVTControlCharacters)).toEqual([
    '  queue      ███████████████████████···········  24 waiting, 8 in flight',
    '  instances  ██████████████████████████████████  4 instances, 5 desired',
    '  tiles      ████████████······················  16 of 48, 12 s',
  ]);
});

it.each([20, 46, 60, 200])('never wraps on %d columns, whatever the numbers', (columns) => {
  const sample = { atMs: 0, visible: 100_000, inFlight: 100_000, desired: 100_000, running: 100_000 };
  for (const line of drawPanel({ ...moment, sample, done: 100_000 }, columns)) {
    expect(stripVTControlCharacters(line).length).toBeLessThan(columns);
  }
});

it('shows the same as text', () => {
  expect(plainLine({ ...moment, sample: { ...moment.sample, running: 1 } })).toBe(
    '  12 s  24 waiting, 8 in flight; 1 instance, 5 desired; 16 of 48 tiles',
  );
});
