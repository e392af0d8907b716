import type { Outlook } from '../../jobs/record.ts';
import { differs } from './outlook.ts';
import { repeat } from './repeat.ts';
import type { Self } from './self.ts';
import { signOfLife } from './sign-of-life.ts';
import type { Sight } from './watch.ts';

/** A report is made early if what it says has changed. This is checked so many times per report. */
const CHECKS_PER_REPORT = 6;

/**
 * Reports to the table that the instance lives and what it does, until the signal is aborted. The keeper ends an instance
 * that has not reported for long. While the table refuses the report, it goes to the log bucket. The table answers
 * whether an operator has asked to drain the instance.
 */
export function report(
  self: Self,
  signal: AbortSignal,
  forecast: () => Outlook,
  onObservation: (observation: Sight) => void,
): void {
  const { clock, config, identity, instances, refusals } = self;
  if (!instances) return;
  const checkMs = (config.reportSeconds * 1000) / CHECKS_PER_REPORT;
  const sendHeartbeat = signOfLife(self);
  let reported: Outlook | undefined;
  let checks = 0;
  void repeat(self, checkMs, signal, 'cannot report to the table that this instance lives', async () => {
    const now = forecast();
    checks++;
    if (checks < CHECKS_PER_REPORT && !differs(reported, now)) return;
    try {
      const { drainRequestedAt } = await instances.heard(identity.instanceId, clock.now(), now);
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
