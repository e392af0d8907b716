#!/usr/bin/env node
// No import statement and no newer syntax: this file must be understood by the Node that it turns away.
(() => {
  const NEEDED = [22, 18];
  const [major, minor] = process.versions.node.split('.').map(Number);

  const fail = (sentence) => {
    process.stderr.write(`mayfly: ${sentence}\n`);
    process.exitCode = 1;
  };

  // In a checkout the sources run as they are; the installed package has what was built of them.
  const isNotSource = (error) =>
    error.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' ||
    (error.code === 'ERR_MODULE_NOT_FOUND' && String(error.url).endsWith('/cli/main.ts'));

  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
    fail(
      `Node ${NEEDED.join('.')} or newer is needed, this is ${process.versions.node}. In a checkout \`npx mayfly\` ` +
        'finds the one that came with its packages; elsewhere `npm install --save-dev node@24` brings one.',
    );
    return;
  }
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
})();
