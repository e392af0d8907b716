// The health check. Asks the server MAYFLY_TARGET once: Mayfly repeats the check every 5 seconds until it exits 0.
import { ask, installedVersion, targetDirectory } from './target.mjs';

try {
  const directory = targetDirectory();
  const wanted = await installedVersion(directory);
  const { status, version } = await ask(directory);
  console.log(`status ${status}, version ${version}`);
  process.exitCode = status === 200 && version === wanted ? 0 : 1;
} catch (error) {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
}
