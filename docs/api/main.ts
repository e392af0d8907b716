/**
 * Writes the API reference (`npm run docs:api`): `docs/api/mayfly.md` and `docs/api/mayfly-cdk.md`, from the docstrings.
 * API Extractor reads the declarations with a compiler of its own.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_DIRECTORY, references } from './references.ts';

for (const { file, text } of references()) {
  writeFileSync(join(API_DIRECTORY, file), text);
  console.log(`docs/api/${file}`);
}
