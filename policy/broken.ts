/**
 * When refusals make an instance broken. An instance is judged by what it achieves: an agent that is refused for longer
 * than `refusalMs` is broken, even if its process is healthy.
 */

import { PASSING_FACTOR, type Refusal, type RefusalReason, type Refusals } from './refusal.ts';
import type { Broken } from './retirement.ts';

/** Why the instance is broken. Undefined: it is not, or it is too early to tell. */
export function brokenByRefusals(refusals: Refusals, refusalMs: number): Broken | undefined {
  const { receive, claim, report, secrets } = refusals;
  const role = refusals['worker-role'];
  const lasts = (refusal: Refusal | undefined) =>
    refusal?.kind === 'lasting' && refusal.lastingMs >= refusalMs;
  const broken = (refusal: Refusal | undefined) =>
    lasts(refusal) || (refusal !== undefined && refusal.forMs >= PASSING_FACTOR * refusalMs);
  const because = (reason: RefusalReason, { error, kind }: Refusal): Broken => {
    return { reason, problem: error, refusal: kind };
  };
  // During an outage of STS workers ask again, and workers that need no credentials go on.
  if (role && lasts(role)) return because('cannot-assume-worker-role', role);
  if (secrets && broken(secrets)) return because('cannot-read-secrets', secrets);
  if (receive && broken(receive)) return because('cannot-receive', receive);
  if (claim && broken(claim)) return because('cannot-use-table', claim);
  if (report && broken(report)) return because('cannot-use-table', report);
  return undefined;
}
