import { firstReadyMs } from './account.ts';
import { completeHook } from './hooks.ts';
import { type Self, within } from './self.ts';

const TABLE_MS = 10_000;
/** The launch hook's wait state has begun long before; a look at the group finds it if it is late all the same. */
const HOOK_MS = 30_000;

/**
 * Reports that the instance is ready: to the table, and to the launch hook, which lets Auto Scaling count it as in
 * service, or move it to the warm pool. Resolves when that is done, or was tried for long enough, with what the boot
 * took in milliseconds; undefined outside EC2.
 *
 * An agent that starts again asks the hook just once: most likely it was completed before, but a machine may have been
 * rebooted in between.
 */
export async function beReady(self: Self, pooled: boolean, signal: AbortSignal): Promise<number | undefined> {
  const { clock, identity, instances, log } = self;
  const { readyAtMs, first } = await firstReadyMs(self, pooled);
  const { launchedAtMs } = identity;
  const bootMs = launchedAtMs === undefined ? undefined : Math.max(0, readyAtMs - launchedAtMs);
  const readiness = {
    readyAt: new Date(readyAtMs).toISOString(),
    ...(launchedAtMs !== undefined && { launchedAt: new Date(launchedAtMs).toISOString() }),
    ...(bootMs !== undefined && { bootSeconds: bootMs / 1000 }),
  };
  log.info({ ...readiness, again: !first, pooled }, 'ready for work');
  await within(clock, TABLE_MS, async (abortSignal) =>
    instances?.ready(identity.instanceId, readiness, clock.now(), abortSignal),
  ).catch((error: unknown) => log.warn({ err: error }, 'cannot tell the table that this instance is ready'));
  await completeHook(self, self.config.launchHook, first ? HOOK_MS : 0, signal);
  return bootMs;
}
