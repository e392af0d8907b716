import { eventually } from '../../test/support/eventually.ts';
import { type BootCloud, waitForConsole } from './boot-cloud.ts';
import { activeSinceMs, readJournal } from './journal.ts';
import type { Launch } from './launch-timer.ts';

/** The times of a boot, in seconds since the machine was powered on. */
export interface BootTimes {
  metadata: number;
  userData: number;
  ready: number;
  jobDone: number;
}

/** The console shows this at the end of a boot. */
const MULTI_USER = 'Multi-User System';
/** Lines of the boot script, which user-data starts, begin with this. */
const USER_DATA = 'mayfly-boot: ';

/** Launches an instance while a job waits, waits until it has run the job, and terminates it. */
export async function timeBoot(
  site: BootCloud,
  look?: (launch: Launch) => Promise<void>,
): Promise<BootTimes> {
  const { launch, done } = await site.launchForJob();
  const { endedAtMs } = await done;
  await look?.(launch);
  await site.terminate(launch);
  const journal = await readJournal(launch.machine.journal);
  return {
    metadata: since(launch, launch.metadataAtMs, 'call of its metadata'),
    userData: since(launch, journal.find(({ message }) => message.startsWith(USER_DATA))?.atMs, 'user-data'),
    ready: since(launch, activeSinceMs(journal, 'mayfly-agent.service'), 'agent that is ready'),
    jobDone: since(launch, endedAtMs, 'job done'),
  };
}

/** Seconds that the same image takes to `multi-user.target` without user-data. */
export async function timeBareBoot(site: BootCloud): Promise<number> {
  const launch = await site.launchBare();
  try {
    await waitForConsole(launch, MULTI_USER);
    // The exact time is in the journal, a moment later.
    const atMs = await eventually('multi-user.target in the journal', async () =>
      activeSinceMs(await readJournal(launch.machine.journal), 'multi-user.target'),
    );
    return since(launch, atMs, 'multi-user.target');
  } finally {
    await launch.machine.destroy();
  }
}

function since(launch: Launch, atMs: number | undefined, what: string): number {
  if (atMs === undefined) throw new Error(`${launch.instanceId} had no ${what}: ${launch.directory}`);
  return (atMs - launch.atMs) / 1000;
}
