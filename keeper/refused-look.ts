import type { SavedLog } from '../jobs/log-layout.ts';
import { type Launch, trips } from '../policy/breaker.ts';
import { refusalKind } from '../policy/refusal.ts';
import { act } from './act.ts';
import type { Hands } from './hands.ts';
import { activitiesOf, groupOf, type LaunchSeen, launchesOf } from './look.ts';
import type { Action } from './plan.ts';
import { signsOfLife } from './signs.ts';

/** Three instances that boot slowly and are refused, one after the other, have gone by then. */
const RECENT_MS = 7_200_000;
/** Launches whose logs are looked for: the breaker's own limit and those that still boot. */
const MOST_LAUNCHES = 10;

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
  const launched = launchesOf(await activitiesOf(clients, config.groupName))
    .filter(({ startedAtMs }) => isSuspended || nowMs - startedAtMs < RECENT_MS)
    .slice(0, Math.max(MOST_LAUNCHES, config.breakerFailures));
  const present = new Set(group.instances.map(({ instance }) => instance));
  const { savedLogs } = await signsOfLife(
    hands,
    launched.map(({ instance }) => instance),
  );
  const launches = outcomesBySavedLogs(launched, savedLogs, present);
  if (!trips({ launches, resumedAtMs: undefined, limit: config.breakerFailures })) return;
  const actions: Action[] = isSuspended ? [] : [{ do: 'suspend-launch' }];
  await act(hands, [...actions, { do: 'report-breaker', open: true }]);
}

/**
 * How launches came out of which nothing else is known. An outage of AWS says nothing of them.
 *
 * @param present instances that the group still has
 */
function outcomesBySavedLogs(
  launched: readonly LaunchSeen[],
  savedLogs: ReadonlyMap<string, SavedLog>,
  present: ReadonlySet<string>,
): Launch[] {
  return launched.map(({ instance, startedAtMs }) => {
    const refusal = savedLogs.get(instance)?.refusal;
    const isOpen = present.has(instance) || refusal === 'passing';
    const outcome = refusal === 'lasting' ? 'failed' : isOpen ? 'pending' : 'ready';
    return { instance, startedAtMs, outcome };
  });
}
