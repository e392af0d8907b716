import fc from 'fast-check';
import type { BatchSize } from '../../../policy/groups/batches.ts';

export type Fate = 'ok' | 'failed' | 'unreachable';

/** A play of two tasks. */
export interface Scenario {
  /** What becomes of each host in each task, if it gets there. */
  hosts: [Fate, Fate][];
  serial: BatchSize[];
  /** Ansible's `max_fail_percentage`. */
  maxFail?: number | undefined;
  anyErrorsFatal: boolean;
}

const percent = (min: number, max: number): fc.Arbitrary<BatchSize> =>
  fc.integer({ min, max }).map((value): BatchSize => `${value}%`);

const anySize = fc.oneof(fc.integer({ min: -2, max: 6 }), percent(-30, 150));
const anySerial = fc.array(anySize, { maxLength: 4 });
/** For many hosts: the last size makes few batches. */
const coarseSerial = fc
  .tuple(anySerial, fc.oneof(percent(15, 150), fc.integer({ min: -1, max: 0 })))
  .map(([first, last]) => [...first, last]);

/** Numbers of hosts, and the sizes of their batches. */
export const split: fc.Arbitrary<[count: number, serial: BatchSize[]]> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 9 }), anySerial),
  fc.tuple(fc.integer({ min: 10, max: 60 }), coarseSerial),
);

const fates = (unreachable: number): fc.Arbitrary<[Fate, Fate][]> => {
  const fate = fc.oneof(
    { weight: 9, arbitrary: fc.constant<Fate>('ok') },
    { weight: 3, arbitrary: fc.constant<Fate>('failed') },
    { weight: unreachable, arbitrary: fc.constant<Fate>('unreachable') },
  );
  return fc.array(fc.tuple(fate, fate), { minLength: 1, maxLength: 9 });
};

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  hosts: fc.oneof(fates(0), fates(3)),
  serial: anySerial,
  maxFail: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  anyErrorsFatal: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
});

/** One letter a host and task: `.` is ok, `f` failed, `u` unreachable. */
export function hosts(text: string): [Fate, Fate][] {
  const fate = (letter = '.'): Fate => (letter === 'f' ? 'failed' : letter === 'u' ? 'unreachable' : 'ok');
  return text.split(' ').map(([first, second]) => [fate(first), fate(second)]);
}
