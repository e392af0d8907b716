import { describe, expect, test } from 'vitest';
import {
  type AlarmRule,
  type AlarmState,
  breaches,
  COMPARISONS,
  evaluateAlarm,
  type MissingData,
} from '../../../services/monitoring/evaluate.ts';

const rule = (missingData: MissingData, datapointsToAlarm: number): AlarmRule => ({
  comparison: 'GreaterThanOrEqualToThreshold',
  threshold: 1,
  evaluationPeriods: 3,
  datapointsToAlarm,
  missingData,
});

/** In the notation of CloudWatch's guide, oldest first: 0 is within the threshold, X breaches it, - is missing. */
function values(points: string): (number | undefined)[] {
  const read = { '0': 0, X: 1, '-': undefined };
  return points
    .split(' ')
    .map((point) => read[point as keyof typeof read])
    .reverse();
}

const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

// "Configuring how CloudWatch alarms treat missing data". RETAIN: the state before.
describe('three of three datapoints to alarm', () => {
  test.each([
    ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', 'INSUFFICIENT_DATA', 'RETAIN', 'ALARM', 'OK'],
    ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 'ALARM', 'RETAIN', 'ALARM', 'OK'],
  ])('%s', (points, ...expected) => {
    expectStates(points, 3, expected);
  });
});

describe('two of three datapoints to alarm', () => {
  test.each([
    ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 'ALARM', 'RETAIN', 'ALARM', 'OK'],
    ['- - - - X', 'RETAIN', 'RETAIN', 'ALARM', 'OK'],
  ])('%s', (points, ...expected) => {
    expectStates(points, 2, expected);
  });
});

function expectStates(points: string, datapointsToAlarm: number, expected: string[]) {
  for (const state of ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as AlarmState[]) {
    const found = treatments.map((one) => evaluateAlarm(rule(one, datapointsToAlarm), values(points), state));
    expect(found).toEqual(expected.map((one) => (one === 'RETAIN' ? state : one)));
  }
}

test('each comparison applies on its side and at the threshold', () => {
  const edges = COMPARISONS.map((comparison) => {
    const at = { ...rule('missing', 1), comparison };
    return [0, 1, 2].map((value) => breaches(at, value));
  });
  expect(edges).toEqual([
    [false, true, true],
    [false, false, true],
    [true, false, false],
    [true, true, false],
  ]);
});
