// The fleet's command. Installs the version that the job's body names on the server MAYFLY_TARGET, and restarts it.
import { readFileSync } from 'node:fs';
import { remember } from './previous.mjs';
import { install, installedVersion, start, stop, targetDirectory } from './target.mjs';

/** EX_DATAERR of sysexits.h: Mayfly does not try the job again. */
const BAD_BODY = 65;

const version = readFileSync(0, 'utf8').trim();
if (!/^[0-9]+(\.[0-9]+)*$/.test(version)) {
  console.error(`the body is ${JSON.stringify(version)}; it has to be a version such as 2.0`);
  process.exit(BAD_BODY);
}

try {
  const directory = targetDirectory();
  const before = await installedVersion(directory);
  await remember(directory, before);
  console.log(`stopping version ${before}`);
  await stop(directory);
  await install(directory, version);
  console.log(`starting version ${version}`);
  await start(directory);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
