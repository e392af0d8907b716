import { shouldTrip } from '../policy/breaker.ts';
import { classifyRefusal } from '../policy/refusal.ts';
import { act } from './act.ts';
import { readHeartbeats } from './heartbeats.ts';
import type { KeeperContext } from './keeper-context.ts';
import type { Action } from './plan.ts';
import { judgeBySavedLogs, selectRecentLaunches } from './saved-logs.ts';
import { findLaunches, findPresentInstances, readActivities, readGroup } from './snapshot.ts';

/** Within this time three slowly booting instances, launched one after the other, are refused and retire. */
const RECENT_MS = 7_200_000;

/**
 * What the keeper does when AWS permanently refuses its snapshot, for example because the table was deleted. Then it
 * knows no records and cannot store anything. It suspends `Launch` if the last instances retired one after the other
 * because they were refused as well. Their saved logs show that. Each instance was refused for minutes, so a single
 * refused call of the keeper does not suspend launches.
 */
export async function handleRefusedSnapshot(context: KeeperContext, error: unknown): Promise<void> {
  if (!(error instanceof Error) || classifyRefusal(error) !== 'lasting') return;
  const { clients, config, nowMs } = context;
  const group = await readGroup(clients, config);
  if (!group) return;
  const isSuspended = group.suspended.has('Launch');
  const launched = findLaunches(await readActivities(clients, config.groupName)).filter(
    ({ startedAtMs }) => isSuspended || nowMs - startedAtMs < RECENT_MS,
  );
  const last = selectRecentLaunches(launched, config);
  const { savedLogs } = await readHeartbeats(
    context,
    last.map(({ instance }) => instance),
  );
  const launches = judgeBySavedLogs(last, savedLogs, findPresentInstances(group));
  if (!shouldTrip({ launches, resumedAtMs: undefined, limit: config.breakerFailures })) return;
  const actions: Action[] = isSuspended ? [] : [{ do: 'suspend-launch' }];
  await act(context, [...actions, { do: 'report-breaker', open: true }]);
}
