// Runs a program of this checkout (`node bin/checkout.js demo/main.ts [argument...]`), or says in a sentence why it cannot.
// No import statement and no newer syntax: this file must be understood by the Node that it turns away.
(() => {
  const NEEDED = [22, 18];
  const [major, minor] = process.versions.node.split('.').map(Number);

  const fail = (sentence) => {
    process.stderr.write(`mayfly: ${sentence}\n`);
    process.exitCode = 1;
  };

  Promise.all([import('node:fs'), import('node:url')]).then(([fs, url]) => {
    // First: a Node that is new enough comes with the packages.
    if (!fs.existsSync(url.fileURLToPath(new URL('../node_modules', import.meta.url)))) {
      fail('the packages are not installed: run `npm install` first.');
    } else if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
      fail(
        `Node ${NEEDED.join('.')} or newer is needed, this is ${process.versions.node}; run it through npm, which finds the one that came with the packages.`,
      );
    } else {
      // The program reads its arguments as if it had been started itself.
      const [program] = process.argv.splice(2, 1);
      return import(new URL(`../${program}`, import.meta.url).href);
    }
  });
})();
