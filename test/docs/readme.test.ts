import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MOST_WORDS = 1200;

test(`the README has at most ${MOST_WORDS} words, as wc -w counts them`, () => {
  const text = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const words = text.split(/\s+/).filter((word) => word !== '');
  expect(words.length).toBeLessThanOrEqual(MOST_WORDS);
});
