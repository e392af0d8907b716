#!/usr/bin/env node
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail, isTooOld, tooOld } from './turn-away.js';

// In a checkout the sources run as they are; the installed package has what was built of them.
const isNotSource = (error) =>
  error.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' ||
  (error.code === 'ERR_MODULE_NOT_FOUND' && String(error.url).endsWith('/cli/main.ts'));

if (isTooOld()) {
  fail(
    `${tooOld} In a checkout \`npx mayfly\` finds the one that came with its packages; elsewhere ` +
      '`npm install --save-dev node@24` brings one.',
  );
} else {
  // Compiled once: halves the time until a verb does something, of which a shell's Tab is one. Where it cannot be kept,
  // nothing is. It is the user's own, not /tmp's, where others could put something in its place.
  module.enableCompileCache?.(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mayfly'));
  import('../cli/main.ts')
    .catch((error) => {
      if (isNotSource(error)) return import('../dist/cli/main.js');
      throw error;
    })
    .then((cli) => cli.main(process.argv))
    .catch((error) => {
      if (error.code === 'ERR_MODULE_NOT_FOUND') {
        fail(`its packages are not installed: run \`npm install\` first. (${error.message.split('\n')[0]})`);
      } else {
        fail(error.stack);
      }
    });
}
