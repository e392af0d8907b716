import type { Reason } from '../../policy/retirement.ts';
import { sendHookHeartbeats } from './hooks.ts';
import type { InstanceContext } from './instance-context.ts';

/** The part of AWS's deadlines that is reserved for requeuing jobs and recording the retirement. */
const MARGIN_MS = 15_000;

/**
 * Takes no new job. Resolves when the running jobs have ended, each within its own limit, or were requeued because the
 * instance has no more time. Another call with another reason moves the deadline forward.
 *
 * @param interruptedAtMs when EC2 takes a Spot instance, epoch milliseconds
 */
export async function drainFor(
  self: InstanceContext,
  reason: Reason,
  interruptedAtMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { config, clock, work, log } = self;
  // A job that was enqueued under a higher limit may run for longer than the fleet allows now.
  const { longestLimitSeconds } = work.state();
  const limitSeconds = Math.max(config.maxLimitSeconds ?? config.limitSeconds, longestLimitSeconds);
  const longestJobMs = (limitSeconds + config.graceSeconds) * 1000 + MARGIN_MS;
  const stopMs = config.graceSeconds * 1000 + MARGIN_MS;
  const drain = (withinMs: number) => {
    log.info({ reason, withinMs, running: work.state().running }, 'draining');
    return work.drain(withinMs);
  };
  if (reason === 'spot-interruption') {
    return drain(Math.max(0, (interruptedAtMs ?? 0) - clock.now() - stopMs));
  }
  if (reason !== 'auto-scaling') return drain(longestJobMs);
  if (!config.terminationHook) return drain(Math.min(longestJobMs, config.drainSeconds * 1000));
  const drained = new AbortController();
  const waiting = sendHookHeartbeats(self, config.terminationHook, AbortSignal.any([drained.signal, signal]));
  await drain(longestJobMs).finally(() => drained.abort());
  await waiting;
}
