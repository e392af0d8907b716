import type { MetricDatum } from '@aws-sdk/client-cloudwatch';
import { type FleetState, updateFleetState } from '../store/fleet-state.ts';
import type { KeeperContext } from './keeper-context.ts';
import { publishMetrics } from './metrics.ts';

/** What the keeper counts in the groups of the fleet. */
export interface GroupCounts {
  /** Jobs that are held and not released. */
  held: number;
  /** How long the oldest of them has been held, in seconds. 0 without one. */
  oldestHeldSeconds: number;
  /** Groups that are stopped, and requests that wait for a person. */
  stopped: number;
}

const NONE: GroupCounts = { held: 0, oldestHeldSeconds: 0, stopped: 0 };

/**
 * Publishes `HeldJobs`, `OldestHeldJob` and `StoppedGroups` while a job is held or something is stopped, and 0 once after
 * that. CloudWatch bills a metric by the hour in which it is written ("Amazon CloudWatch pricing"), so a fleet that does not
 * use groups pays nothing.
 *
 * `groupsReported` in the state of the fleet says that the zeros are still due. It is set before the first numbers are
 * published and removed after the zeros are, so a run that is cut off in between leaves no alarm on.
 *
 * Rejects if AWS refuses a call. The next run makes up for it.
 */
export async function reportGroups(
  context: Pick<KeeperContext, 'clients' | 'config'>,
  counts: GroupCounts,
  { groupsReported = false }: Pick<FleetState, 'groupsReported'>,
): Promise<void> {
  const { clients, config } = context;
  const note = (reported: true | undefined) =>
    updateFleetState(clients.dynamodb, config.table, { groupsReported: reported });
  if (counts.held > 0 || counts.stopped > 0) {
    if (!groupsReported) await note(true);
    await publishMetrics(context, toMetrics(counts));
  } else if (groupsReported) {
    await publishMetrics(context, toMetrics(NONE));
    await note(undefined);
  }
}

function toMetrics({ held, oldestHeldSeconds, stopped }: GroupCounts): MetricDatum[] {
  return [
    { MetricName: 'HeldJobs', Unit: 'Count', Value: held },
    { MetricName: 'OldestHeldJob', Unit: 'Seconds', Value: oldestHeldSeconds },
    { MetricName: 'StoppedGroups', Unit: 'Count', Value: stopped },
  ];
}
