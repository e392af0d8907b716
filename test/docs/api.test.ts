import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { API_DIRECTORY, references } from '../../docs/api/references.ts';

test('the API reference says what the docstrings say (`npm run docs:api` writes it)', () => {
  for (const { file, text } of references()) {
    expect(readFileSync(join(API_DIRECTORY, file), 'utf8')).toBe(text);
  }
});
