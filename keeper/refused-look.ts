import { trips } from '../policy/breaker.ts';
import { refusalKind } from '../policy/refusal.ts';
import { act } from './act.ts';
import type { Hands } from './hands.ts';
import { activitiesOf, groupOf, launchesOf, presentIn } from './look.ts';
import type { Action } from './plan.ts';
import { lastLaunches, outcomesBySavedLogs } from './saved-logs.ts';
import { signsOfLife } from './signs.ts';

/** Three instances that boot slowly and are refused, one after the other, have gone by then. */
const RECENT_MS = 7_200_000;

/**
 * What is left to do when AWS refuses the keeper its look for good, as that of a table which was deleted: nothing is known
 * of instances, and nothing can be remembered. `Launch` is suspended once the last instances have gone one after the
 * other because they were refused as well. Their saved logs show it: each was refused for minutes, so that one look of the
 * keeper that is refused by chance suspends nothing.
 */
export async function afterRefusedLook(hands: Hands, error: unknown): Promise<void> {
  if (!(error instanceof Error) || refusalKind(error) !== 'lasting') return;
  const { clients, config, nowMs } = hands;
  const group = await groupOf(clients, config);
  if (!group) return;
  const isSuspended = group.suspended.has('Launch');
  const launched = launchesOf(await activitiesOf(clients, config.groupName)).filter(
    ({ startedAtMs }) => isSuspended || nowMs - startedAtMs < RECENT_MS,
  );
  const last = lastLaunches(launched, config);
  const { savedLogs } = await signsOfLife(
    hands,
    last.map(({ instance }) => instance),
  );
  const launches = outcomesBySavedLogs(last, savedLogs, presentIn(group));
  if (!trips({ launches, resumedAtMs: undefined, limit: config.breakerFailures })) return;
  const actions: Action[] = isSuspended ? [] : [{ do: 'suspend-launch' }];
  await act(hands, [...actions, { do: 'report-breaker', open: true }]);
}
