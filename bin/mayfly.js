#!/usr/bin/env node
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail, isTooOld, tooOld } from './node-version.js';

// A checkout runs the TypeScript sources. The installed package has only the build.
const isNotSource = (error) =>
  error.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' ||
  (error.code === 'ERR_MODULE_NOT_FOUND' && String(error.url).endsWith('/cli/main.ts'));

if (isTooOld()) {
  fail(
    `${tooOld} In a checkout, \`npx mayfly\` uses the Node that came with the packages. Elsewhere, ` +
      '`npm install --save-dev node@24` installs one.',
  );
} else {
  // The compile cache halves the start-up time, which matters for shell completion. If the directory cannot be written,
  // Node goes on without a cache. The cache is in the user's home: in /tmp, others could replace it.
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
