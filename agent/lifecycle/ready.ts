import { withTimeout } from '../../lib/with-timeout.ts';
import { persist } from '../../lib/persist.ts';
import { firstReadyMs } from './first-ready.ts';
import { completeHook } from './hooks.ts';
import type { Self } from './self.ts';

const TABLE_MS = 10_000;
/** The launch hook's wait state has begun long before; a look at the group finds it if it is late all the same. */
const HOOK_MS = 30_000;

/**
 * Tells the table that the agent has started, again and again until it answers; that it does not is counted as a refusal.
 * Ends without that when the signal is given.
 *
 * @param onFailure called each time that the table does not answer
 */
export function begin(self: Self, onFailure: () => void, signal: AbortSignal): Promise<void> {
  const { clock, identity, instances } = self;
  return untilTold(
    self,
    'the table does not hear that the agent has started',
    signal,
    (abortSignal) =>
      instances?.begins(identity.instanceId, timeOf(identity.launchedAtMs), clock.now(), abortSignal),
    onFailure,
  );
}

/**
 * Lets Auto Scaling go on with the launch: count the instance as in service, or move it to the warm pool. An agent that
 * starts again asks the hook just once: most likely it was completed before, but a machine may have been rebooted in
 * between.
 */
export async function completeLaunch(self: Self, again: boolean, signal: AbortSignal): Promise<void> {
  await completeHook(self, self.config.launchHook, again ? 0 : HOOK_MS, signal);
}

/**
 * Puts on record that the instance is ready: in the table, as soon as that answers, and then on its disk. One in a warm
 * pool may be stopped at any moment, which its disk has to survive: there the disk comes first. Resolves with what the boot
 * took in milliseconds; undefined outside EC2.
 */
export async function recordReady(
  self: Self,
  pooled: boolean,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { clock, identity, instances, log } = self;
  const { readyAtMs, first, keep } = await firstReadyMs(self, pooled);
  const { launchedAtMs } = identity;
  const bootMs = launchedAtMs === undefined ? undefined : Math.max(0, readyAtMs - launchedAtMs);
  const readiness = {
    readyAt: new Date(readyAtMs).toISOString(),
    ...(launchedAtMs !== undefined && { launchedAt: new Date(launchedAtMs).toISOString() }),
    ...(bootMs !== undefined && { bootSeconds: bootMs / 1000 }),
  };
  if (pooled) await keep();
  await untilTold(self, 'the table does not hear that this instance is ready', signal, (abortSignal) =>
    instances?.ready(identity.instanceId, readiness, clock.now(), abortSignal),
  );
  if (signal.aborted) return bootMs;
  log.info({ ...readiness, again: !first, pooled }, 'ready for work');
  if (!pooled) await keep();
  return bootMs;
}

async function untilTold(
  self: Self,
  complaint: string,
  signal: AbortSignal,
  tell: (signal: AbortSignal) => Promise<void> | undefined,
  onFailure: () => void = () => undefined,
): Promise<void> {
  const { clock, random, log } = self;
  const told = persist(
    () =>
      withTimeout(clock, TABLE_MS, async (late) => tell(AbortSignal.any([late, signal]))).then(() => {
        if (!signal.aborted) self.refusals.answered('report');
      }),
    {
      clock,
      random,
      signal,
      hopeless: () => signal.aborted,
      onFailure: (err, tries) => {
        if (self.config.trackJobs) self.refusals.failed('report', err);
        log.warn({ err, tries }, complaint);
        onFailure();
      },
    },
  );
  await told.catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
