import { trips } from '../policy/breaker.ts';
import { refusalKind } from '../policy/refusal.ts';
import { act } from './act.ts';
import type { Hands } from './hands.ts';
import { activitiesOf, groupOf, launchesOf, presentIn } from './look.ts';
import type { Action } from './plan.ts';
import { lastLaunches, outcomesBySavedLogs } from './saved-logs.ts';
import { signsOfLife } from './signs.ts';

/** Within this time three slowly booting instances, launched one after the other, are refused and retire. */
const RECENT_MS = 7_200_000;

/**
 * What the keeper does when AWS permanently refuses its snapshot, for example because the table was deleted. Then it
 * knows no records and cannot store anything. It suspends `Launch` if the last instances retired one after the other
 * because they were refused as well. Their saved logs show that. Each instance was refused for minutes, so a single
 * refused call of the keeper does not suspend launches.
 */
export async function afterRefusedLook(context: Hands, error: unknown): Promise<void> {
  if (!(error instanceof Error) || refusalKind(error) !== 'lasting') return;
  const { clients, config, nowMs } = context;
  const group = await groupOf(clients, config);
  if (!group) return;
  const isSuspended = group.suspended.has('Launch');
  const launched = launchesOf(await activitiesOf(clients, config.groupName)).filter(
    ({ startedAtMs }) => isSuspended || nowMs - startedAtMs < RECENT_MS,
  );
  const last = lastLaunches(launched, config);
  const { savedLogs } = await signsOfLife(
    context,
    last.map(({ instance }) => instance),
  );
  const launches = outcomesBySavedLogs(last, savedLogs, presentIn(group));
  if (!trips({ launches, resumedAtMs: undefined, limit: config.breakerFailures })) return;
  const actions: Action[] = isSuspended ? [] : [{ do: 'suspend-launch' }];
  await act(context, [...actions, { do: 'report-breaker', open: true }]);
}
