// Runs a program of this checkout: `node bin/checkout.js demo/main.ts [argument...]`. If it cannot, one sentence says why.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail, isTooOld, tooOld } from './node-version.js';

// This check comes first, because the packages bring a Node that is new enough.
if (!existsSync(fileURLToPath(new URL('../node_modules', import.meta.url)))) {
  fail('the packages are not installed: run `npm install` first.');
} else if (isTooOld()) {
  fail(`${tooOld} Run it through npm, which uses the Node that came with the packages.`);
} else {
  // The program sees its arguments as if it had been started directly.
  const [program] = process.argv.splice(2, 1);
  import(new URL(`../${program}`, import.meta.url).href);
}
