import { expect, test } from 'vitest';
import { diagnosisText } from '../../../../cli/commands/fleet/doctor.ts';
import type { Diagnosis } from '../../../../client/doctor/diagnose.ts';
import type { Finding } from '../../../../client/doctor/finding.ts';

const well: Finding = { check: 'queue', status: 'ok', text: '0 waiting' };
const warned: Finding = {
  check: 'dead letters',
  status: 'warn',
  text: 'One job was given up.',
  details: ['j-1: \x1b[2J'],
  advice: 'mayfly dlq list',
};
const bad: Finding = { check: 'keeper', status: 'bad', text: 'It runs no more.' };

const on = (screen: { isTTY?: boolean; columns?: number }, ...findings: Finding[]) => {
  const diagnosis: Diagnosis = { fleet: 'S/f', region: 'us-east-1', at: '', status: 'ok', findings };
  return diagnosisText(diagnosis, (_style, words) => words, screen);
};
const text = (...findings: Finding[]) => on({}, ...findings);

test('on a terminal, sentences are broken at words and indented, and commands stay whole', () => {
  const command =
    'aws autoscaling put-lifecycle-hook --auto-scaling-group-name fleet --lifecycle-hook-name launch';
  const words = 'The launch hook is gone: an instance counts as in service before its agent runs.';
  const lines = on({ isTTY: true, columns: 60 }, { ...bad, text: words, advice: command }).split('\n');
  expect(lines.slice(1, 4)).toEqual([
    'bad   keeper  The launch hook is gone: an instance counts',
    '              as in service before its agent runs.',
    `              → ${command}`,
  ]);
});

test('each finding has a line, with details and advice below it; at the end is a count', () => {
  expect(text(well, warned, bad)).toBe(
    [
      'S/f in us-east-1',
      'ok    queue         0 waiting',
      'warn  dead letters  One job was given up.',
      String.raw`                    j-1: \x1b[2J`,
      '                    → mayfly dlq list',
      'bad   keeper        It runs no more.',
      '',
      '1 bad, 1 warning.',
    ].join('\n'),
  );
});

test('a fleet without findings, and one with warnings', () => {
  expect(text(well)).toMatch(/\nAll is well\.$/);
  expect(text(warned, warned)).toMatch(/\n2 warnings\.$/);
});
