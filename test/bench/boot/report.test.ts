import { expect, it } from 'vitest';
import { bakedVerdict, isBakedFastEnough, summarise } from '../../../bench/boot/report.ts';

const boot = (ready: number) => ({ metadata: 1, userData: 3, ready, jobDone: ready + 1 });

it('computes medians, and the ratio of ready to the bare boot of the same image', () => {
  const result = summarise({ image: 'baked', bare: [4, 2, 3], boots: [boot(9), boot(6), boot(5)] });
  expect(result).toMatchObject({ bare: 3, metadata: 1, userData: 3, ready: 6, jobDone: 7, readyToBare: 2 });
  expect(result.readySpread).toBeCloseTo(1 / 3);
});

it.each([
  [7.5, true, /2\.50 times .*: met/],
  [7.6, false, /2\.53 times .*: NOT met/],
])(
  'has a verdict on a baked image that is ready after %d s if the bare boot takes 3',
  (ready, met, verdict) => {
    const result = summarise({ image: 'baked', bare: [3], boots: [boot(ready)] });
    expect(isBakedFastEnough([result])).toBe(met);
    expect(bakedVerdict([result])).toMatch(verdict);
  },
);

it('has no verdict on another image', () => {
  const results = [summarise({ image: 'stock', bare: [3], boots: [boot(60)] })];
  expect(bakedVerdict(results)).toBeUndefined();
  expect(isBakedFastEnough(results)).toBe(true);
});
