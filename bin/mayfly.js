#!/usr/bin/env node
// The oldest syntax that does it: this file must be understood by the Node that it turns away.
/* global process */
(() => {
  var NEEDED = [22, 18];
  var version = process.versions.node.split('.').map(Number);

  function fail(sentence) {
    process.stderr.write('mayfly: ' + sentence + '\n');
    process.exitCode = 1;
  }

  if (version[0] < NEEDED[0] || (version[0] === NEEDED[0] && version[1] < NEEDED[1])) {
    fail(
      'Node ' +
        NEEDED.join('.') +
        ' or newer is needed, this is ' +
        process.versions.node +
        '. `npx mayfly` finds' +
        ' the one that comes with the packages in a checkout; elsewhere `npm install --save-dev node@24` brings one.',
    );
    return;
  }

  // In a checkout the sources run as they are; the installed package has what was built of them.
  import('../cli/main.ts')
    .catch((error) => {
      if (isMissing(error, 'cli/main.ts')) return import('../dist/cli/main.js');
      throw error;
    })
    .then((cli) => cli.main(process.argv))
    .catch((error) => {
      if (error && error.code === 'ERR_MODULE_NOT_FOUND') {
        fail(
          'its packages are not installed: run `npm install` first. (' + error.message.split('\n')[0] + ')',
        );
      } else {
        fail(error instanceof Error ? error.stack : String(error));
      }
    });

  function isMissing(error, file) {
    if (error.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') return true;
    return (
      error.code === 'ERR_MODULE_NOT_FOUND' &&
      String(error.url || error.message).indexOf(file) >= 0 &&
      error.message.indexOf('Cannot find package') < 0
    );
  }
})();
