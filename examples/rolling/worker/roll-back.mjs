// Runs after a job that failed: puts the version that the server had before the request back, and restarts it.
import { previousVersion } from './previous.mjs';
import { install, start, stop, targetDirectory } from './target.mjs';

try {
  const directory = targetDirectory();
  const version = await previousVersion(directory);
  if (version === undefined) {
    console.log('nothing was changed here');
  } else {
    await stop(directory);
    await install(directory, version);
    console.log(`starting version ${version} again`);
    await start(directory);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
