import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { atLeast, someOf } from '../../bench/options.ts';

it.each(['0', '-1', '1.5', 'many', ''])('takes no "%s" for a number of runs', (text) => {
  expect(() => atLeast(1)(text)).toThrow(InvalidArgumentError);
});

it('reads names in their own order', () => {
  expect(atLeast(5)('5')).toBe(5);
  expect(someOf(['stock', 'prepared', 'baked'])('baked,stock')).toEqual(['stock', 'baked']);
});

it.each(['', 'backed', 'stock,backed'])('names what there is to whoever asks for "%s"', (text) => {
  expect(() => someOf(['stock', 'baked'])(text)).toThrow('Allowed are stock, baked');
});
