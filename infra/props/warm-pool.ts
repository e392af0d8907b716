import { oneOf, whole } from './checks.ts';
import { type PropRows, settingsFrom } from './rows.ts';

/** Instances that boot in advance ("Decrease latency for applications with long boot times using warm pools"). */
export interface WarmPoolProps {
  /**
   * Least number of instances that wait in the pool: 0 to 10,000, at most `maxCapacity`.
   *
   * @default 1
   */
  readonly minSize?: number;
  /**
   * Number of instances that wait in the pool or work, together: 0 to 10,000, at least `minSize`. The group's desired
   * capacity is subtracted from it; the rest wait in the pool, but at least `minSize`.
   *
   * @default - `minSize`: the pool has this many instances, however many work
   */
  readonly maxGroupPreparedCapacity?: number;
  /**
   * State of the instances in the pool. A `stopped` one only has to start its system when it is needed; it is set up
   * already. A `running` one takes jobs within seconds.
   *
   * @default 'stopped'
   */
  readonly poolState?: 'stopped' | 'running';
}

export interface WarmPoolSettings {
  minSize: number;
  maxGroupPreparedCapacity: number;
  poolState: 'stopped' | 'running';
}

const MIN_SIZE = 1;

export const warmPoolRows = {
  minSize: { check: whole(0, 10_000), default: MIN_SIZE },
  maxGroupPreparedCapacity: {
    check: whole(0, 10_000),
    default: ({ minSize }: WarmPoolProps) => minSize ?? MIN_SIZE,
  },
  poolState: { check: oneOf('stopped', 'running'), default: 'stopped' },
} satisfies PropRows<WarmPoolProps>;

export function toWarmPool(given: WarmPoolProps): WarmPoolSettings {
  return settingsFrom(warmPoolRows, given, given);
}
