// `node examples/rolling/servers.mjs start | show | stop`: the 24 servers of the example, which are processes of this machine.
// They are the hosts of inventory.json. $SHOP is the directory that has a directory for each.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, install, start, stop } from './worker/target.mjs';

const { SHOP, SHOP_PORT = '8100' } = process.env;
const FIRST_VERSION = '1.0';
/** Somebody forgot it there. Version 2 does not start without it. */
const HAS_NO_CURRENCY = 'web-07';

const names = await hosts();
/** @type {Record<string, () => Promise<void>>} */
const verbs = { start: startAll, show, stop: stopAll };
const verb = verbs[process.argv[2] ?? ''];
if (verb && SHOP) {
  await verb().catch((error) => fail(error.message));
} else {
  fail(
    SHOP ? 'say what to do: start, show or stop' : 'set the variable SHOP to the directory of the servers',
  );
}

/** The hosts of the inventory: web-01 first. */
async function hosts() {
  const inventory = JSON.parse(await readFile(join(import.meta.dirname, 'inventory.json'), 'utf8'));
  return ['web', 'api'].flatMap((tier) => inventory[tier].hosts);
}

/** Starts all servers anew, with the first version. */
async function startAll() {
  await stopAll();
  await Promise.all(
    names.map(async (name, index) => {
      const directory = join(SHOP, name);
      await mkdir(directory, { recursive: true });
      const settings = [`NAME=${name}`, `PORT=${Number(SHOP_PORT) + index + 1}`];
      if (name !== HAS_NO_CURRENCY) settings.push('CURRENCY=EUR');
      await writeFile(join(directory, 'server.conf'), `${settings.join('\n')}\n`);
      await install(directory, FIRST_VERSION);
      await start(directory).catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
    }),
  );
  console.log(
    `${names.length} servers run version ${FIRST_VERSION}: web-01 is http://127.0.0.1:${Number(SHOP_PORT) + 1}/`,
  );
}

/** Stops all servers, and removes their directories. */
async function stopAll() {
  await Promise.all(
    names.map(async (name) => {
      const directory = join(SHOP, name);
      await stop(directory).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await rm(directory, { recursive: true, force: true });
    }),
  );
}

/** Prints which servers run which version. */
async function show() {
  const answers = await Promise.all(names.map((name) => describe(join(SHOP, name))));
  for (const answer of [...new Set(answers)].sort()) {
    const some = names.filter((_, index) => answers[index] === answer);
    const which = some.length === names.length ? '' : `: ${some.join(' ')}`;
    console.log(`${answer}, ${some.length} of ${names.length} servers${which}`);
  }
}

/** @param {string} directory */
async function describe(directory) {
  try {
    const { status, version } = await ask(directory);
    return `version ${version}, status ${status}`;
  } catch {
    return 'no answer';
  }
}

/** @param {string} sentence */
function fail(sentence) {
  console.error(sentence);
  process.exitCode = 1;
}
