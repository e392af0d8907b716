// Runs a program of this checkout (`node bin/checkout.js demo/main.ts [argument...]`), or says in a sentence why it cannot.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail, isTooOld, tooOld } from './turn-away.js';

// First: a Node that is new enough comes with the packages.
if (!existsSync(fileURLToPath(new URL('../node_modules', import.meta.url)))) {
  fail('the packages are not installed: run `npm install` first.');
} else if (isTooOld()) {
  fail(`${tooOld} Run it through npm, which finds the one that came with the packages.`);
} else {
  // The program reads its arguments as if it had been started itself.
  const [program] = process.argv.splice(2, 1);
  import(new URL(`../${program}`, import.meta.url).href);
}
