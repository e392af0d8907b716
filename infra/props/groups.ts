import { Duration } from 'aws-cdk-lib';
import * as v from 'valibot';
import { SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { countOrPercentage } from '../../lib/schema.ts';
import { DEFAULT_LANES, type Lanes } from '../../policy/groups/lanes.ts';
import { DEFAULT_MAX_LANES, DEFAULT_NOT_NOW_SECONDS, MOST_LANES } from '../../policy/groups/limits.ts';
import { type Check, DAY, duration, whole } from './checks.ts';
import { toSeconds } from './conversions.ts';
import { type PropRows, settingsFrom } from './rows.ts';

/** Groups: jobs that must not all run at once. */
export interface GroupProps {
  /**
   * How many jobs of a group may be out at once if nobody has set it for the group: 1 to `maxLanes`, or a percentage of
   * the group's size, `'1%'` to `'100%'`. A percentage is rounded down, to at least one.
   *
   * @default 1
   */
  readonly lanes?: number | `${number}%`;
  /**
   * How many jobs of a group may be out at once at most, whatever is set for the group: 1 to 200.
   *
   * @default 100
   */
  readonly maxLanes?: number;
  /**
   * Longest time that a health check may ask for, from its first start until its command succeeds: 1 second to
   * `maxLimit`.
   *
   * @default - `maxLimit`
   */
  readonly checkLimit?: Duration;
  /**
   * How long the worker of a job of a group may exit with 75 ("not now"), from the first time on, before the job fails:
   * 1 second to 1 day. Meanwhile the job keeps its lane and its target.
   *
   * @default Duration.minutes(30)
   */
  readonly notNowLimit?: Duration;
}

export interface GroupSettings {
  lanes: Lanes;
  maxLanes: number;
  checkLimitSeconds: number;
  notNowLimitSeconds: number;
}

const lanes: Check = {
  allowed: `a whole number between 1 and ${MOST_LANES}, or a percentage from "1%" to "100%"`,
  test: (value) => v.is(countOrPercentage(MOST_LANES), value),
};

export const groupRows = {
  lanes: { check: lanes, default: DEFAULT_LANES },
  maxLanes: { check: whole(1, MOST_LANES), default: DEFAULT_MAX_LANES },
  checkLimit: {
    check: duration(1, SQS_MAX_VISIBILITY_SECONDS),
    setting: 'checkLimitSeconds',
    convert: toSeconds,
  },
  notNowLimit: {
    check: duration(1, DAY),
    default: Duration.seconds(DEFAULT_NOT_NOW_SECONDS),
    setting: 'notNowLimitSeconds',
    convert: toSeconds,
  },
} satisfies PropRows<GroupProps>;

/** @param maxLimit the longest limit of a job, which a health check has by default */
export function toGroups(given: GroupProps, maxLimit: Duration): GroupSettings {
  const { checkLimitSeconds = toSeconds(maxLimit), ...settings } = settingsFrom(groupRows, given, given);
  return { ...settings, checkLimitSeconds };
}
