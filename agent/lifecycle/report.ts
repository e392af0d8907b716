import type { Forecast } from '../../jobs/record.ts';
import { hasChanged } from './forecast.ts';
import { createHeartbeat } from './heartbeat.ts';
import type { InstanceContext } from './instance-context.ts';
import type { Observation } from './observation.ts';
import { repeat } from './repeat.ts';

/** A report is made early if what it says has changed. This is checked so many times per report. */
const CHECKS_PER_REPORT = 6;

/**
 * Reports to the table that the instance lives and what it does, until the signal is aborted. The keeper ends an instance
 * that has not reported for long. While the table refuses the report, it goes to the log bucket. The table answers
 * whether an operator has asked to drain the instance.
 */
export function startReporting(
  self: InstanceContext,
  signal: AbortSignal,
  forecast: () => Forecast,
  onObservation: (observation: Observation) => void,
): void {
  const { clock, config, identity, instances, refusals } = self;
  if (!instances) return;
  const checkMs = (config.reportSeconds * 1000) / CHECKS_PER_REPORT;
  const sendHeartbeat = createHeartbeat(self);
  let reported: Forecast | undefined;
  let checks = 0;
  void repeat(self, checkMs, signal, 'cannot report to the table that this instance lives', async () => {
    const now = forecast();
    checks++;
    if (checks < CHECKS_PER_REPORT && !hasChanged(reported, now)) return;
    try {
      const { drainRequestedAt } = await instances.recordReport(identity.instanceId, clock.now(), now);
      refusals.answered('report');
      if (drainRequestedAt !== undefined) onObservation({ drainRequested: true });
    } catch (error) {
      if (config.trackJobs) refusals.failed('report', error);
      await sendHeartbeat(now);
      throw error;
    }
    reported = now;
    checks = 0;
  });
}
