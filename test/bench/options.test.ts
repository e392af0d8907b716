import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { namesFrom, wholeNumberFrom } from '../../bench/options.ts';

it.each(['0', '-1', '1.5', 'many', ''])('refuses "%s" as a number of runs', (text) => {
  expect(() => wholeNumberFrom(1)(text)).toThrow(InvalidArgumentError);
});

it('returns names in the order of the known names', () => {
  expect(wholeNumberFrom(5)('5')).toBe(5);
  expect(namesFrom(['stock', 'prepared', 'baked'])('baked,stock')).toEqual(['stock', 'baked']);
});

it.each(['', 'backed', 'stock,backed'])('refuses "%s" and lists the known names', (text) => {
  expect(() => namesFrom(['stock', 'baked'])(text)).toThrow('Allowed are stock, baked');
});
