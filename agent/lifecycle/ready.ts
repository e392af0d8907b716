import { retry } from '../../lib/retry.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { findFirstReady } from './first-ready.ts';
import { completeLifecycleHook } from './hooks.ts';
import type { InstanceContext } from './instance-context.ts';

const TABLE_MS = 10_000;
/** The launch hook's wait state has begun long before. If it is late, the group observer completes the hook. */
const HOOK_MS = 30_000;

/**
 * Reports to the table that the agent has started, until the table answers or the signal is aborted. A failure counts as a
 * refusal.
 *
 * @param onFailure called each time the table does not answer
 */
export function reportAgentStart(
  self: InstanceContext,
  onFailure: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, identity, instances } = self;
  return reportUntilAnswered(
    self,
    'cannot report to the table that the agent has started',
    signal,
    (abortSignal) =>
      instances?.recordStart(identity.instanceId, toIsoTime(identity.launchedAtMs), clock.now(), abortSignal),
    onFailure,
  );
}

/**
 * Completes the launch hook, so that Auto Scaling puts the instance in service or moves it to the warm pool. An agent that
 * was started again tries only once: most likely the hook was completed before, unless the instance was rebooted.
 */
export async function completeLaunchHook(
  self: InstanceContext,
  again: boolean,
  signal: AbortSignal,
): Promise<void> {
  await completeLifecycleHook(self, self.config.launchHook, again ? 0 : HOOK_MS, signal);
}

/**
 * Records that the instance is ready: in the table, once that answers, and then on disk. An instance in a warm pool may be
 * stopped at any moment, so there the disk comes first. Resolves with the duration of the boot in milliseconds; undefined
 * outside EC2.
 */
export async function recordReady(
  self: InstanceContext,
  pooled: boolean,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { clock, identity, instances, log } = self;
  const { readyAtMs, first, keep } = await findFirstReady(self, pooled);
  const { launchedAtMs } = identity;
  const bootMs = launchedAtMs === undefined ? undefined : Math.max(0, readyAtMs - launchedAtMs);
  const readiness = {
    readyAt: new Date(readyAtMs).toISOString(),
    ...(launchedAtMs !== undefined && { launchedAt: new Date(launchedAtMs).toISOString() }),
    ...(bootMs !== undefined && { bootSeconds: bootMs / 1000 }),
  };
  if (pooled) await keep();
  await reportUntilAnswered(
    self,
    'cannot report to the table that this instance is ready',
    signal,
    (abortSignal) => instances?.recordReady(identity.instanceId, readiness, clock.now(), abortSignal),
  );
  if (signal.aborted) return bootMs;
  log.info({ ...readiness, again: !first, pooled }, 'ready for work');
  if (!pooled) await keep();
  return bootMs;
}

async function reportUntilAnswered(
  self: InstanceContext,
  message: string,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<void> | undefined,
  onFailure: () => void = () => undefined,
): Promise<void> {
  const { clock, random, log } = self;
  const reported = retry(
    () =>
      withTimeout(clock, TABLE_MS, async (timeout) => call(AbortSignal.any([timeout, signal]))).then(() => {
        if (!signal.aborted) self.refusals.answered('report');
      }),
    {
      clock,
      random,
      signal,
      shouldGiveUp: () => signal.aborted,
      onFailure: (err, tries) => {
        if (self.config.trackJobs) self.refusals.failed('report', err);
        log.warn({ err, tries }, message);
        onFailure();
      },
    },
  );
  await reported.catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function toIsoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
