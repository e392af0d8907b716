export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export const MISSING_DATA = ['breaching', 'notBreaching', 'ignore', 'missing'] as const;
export type MissingData = (typeof MISSING_DATA)[number];

export const COMPARISONS = [
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
] as const;
export type Comparison = (typeof COMPARISONS)[number];

export interface AlarmRule {
  comparison: Comparison;
  threshold: number;
  evaluationPeriods: number;
  datapointsToAlarm: number;
  missingData: MissingData;
}

/**
 * CloudWatch evaluates more periods than the evaluation periods ("the evaluation range"), so that a late data point
 * does not count as missing.
 */
export function evaluationRange({ evaluationPeriods }: AlarmRule): number {
  return evaluationPeriods + 2;
}

export function breaches({ comparison, threshold }: AlarmRule, value: number): boolean {
  switch (comparison) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= threshold;
    case 'GreaterThanThreshold':
      return value > threshold;
    case 'LessThanThreshold':
      return value < threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= threshold;
  }
}

/**
 * The state of an alarm, by CloudWatch's "How alarm state is evaluated when data is missing" and "How CloudWatch avoids
 * premature transitions".
 *
 * @param values of the evaluation range, one per period, newest first; undefined where nothing was reported.
 */
export function evaluateAlarm(
  rule: AlarmRule,
  values: readonly (number | undefined)[],
  present: AlarmState,
): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, missingData } = rule;
  const real = values.filter((value) => value !== undefined);
  if (real.length === 0) return whenAllMissing(missingData, present);
  const used = real.slice(0, evaluationPeriods);
  const breaching = used.filter((value) => breaches(rule, value)).length;
  if (breaching >= datapointsToAlarm) return 'ALARM';
  const filled = evaluationPeriods - used.length;
  if (breaching + filled < datapointsToAlarm) return 'OK';
  if (missingData === 'breaching') return 'ALARM';
  if (missingData === 'notBreaching' || breaching < used.length) return 'OK';
  if (missingData === 'ignore') return present;
  // All known values breach, but they are few: the alarm starts when the oldest is old enough.
  const oldest = values.findLastIndex((value) => value !== undefined);
  return oldest + 1 >= datapointsToAlarm ? 'ALARM' : present;
}

function whenAllMissing(missingData: MissingData, present: AlarmState): AlarmState {
  switch (missingData) {
    case 'breaching':
      return 'ALARM';
    case 'notBreaching':
      return 'OK';
    case 'ignore':
      return present;
    case 'missing':
      return 'INSUFFICIENT_DATA';
  }
}
