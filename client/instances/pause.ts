import { ResumeProcessesCommand, SuspendProcessesCommand } from '@aws-sdk/client-auto-scaling';
import { changeFleetState, readFleetState } from '../../store/fleet-state.ts';
import type { FleetContext } from '../context.ts';
import { lookAtGroup } from './group-look.ts';

export interface Paused {
  pausedAt: string;
  /** It was paused before: `pausedAt` is since when. */
  already: boolean;
}

/**
 * Pauses a fleet: nothing is launched, agents take no new job once they have heard of it (they ask at least once a
 * minute), and instances go when they have nothing left to do. Jobs stay on the queue. Repeatable.
 */
export async function pauseFleet(context: FleetContext): Promise<Paused> {
  const { clients, facts, clock } = context;
  const { pausedAtMs: before } = await readFleetState(clients.dynamodb, facts.table);
  const pausedAtMs = before ?? clock.now();
  // This counts: should the next call fail, the keeper makes it in its stead.
  await changeFleetState(clients.dynamodb, facts.table, { pausedAtMs });
  await clients.autoScaling.send(new SuspendProcessesCommand(launching(context)));
  return { pausedAt: new Date(pausedAtMs).toISOString(), already: before !== undefined };
}

/** What held launches back until now; all absent or false: nothing did. */
export interface Resumed {
  /** Since when it was paused. */
  pausedAt?: string;
  /** Since when its boot breaker was open. */
  trippedAt?: string;
  /** Launches were suspended, whoever did it. */
  suspended: boolean;
}

/**
 * Lifts a pause and an open boot breaker: launches go on, and the boots that failed before count no more. Repeatable,
 * and without harm on a fleet that nothing holds back.
 */
export async function resumeFleet(context: FleetContext): Promise<Resumed> {
  const { clients, facts, clock } = context;
  const [state, group] = await Promise.all([
    readFleetState(clients.dynamodb, facts.table),
    lookAtGroup(context),
  ]);
  // First of the two: the keeper keeps launches of a paused fleet suspended.
  await changeFleetState(clients.dynamodb, facts.table, {
    pausedAtMs: undefined,
    trippedAtMs: undefined,
    // Not earlier than it is: a boot that failed before would count.
    resumedAtMs: clock.now() + (clock.errorMs() ?? 0),
  });
  await clients.autoScaling.send(new ResumeProcessesCommand(launching(context)));
  const { pausedAtMs, trippedAtMs } = state;
  return {
    ...(pausedAtMs !== undefined && { pausedAt: new Date(pausedAtMs).toISOString() }),
    ...(trippedAtMs !== undefined && { trippedAt: new Date(trippedAtMs).toISOString() }),
    suspended: group.suspended.has('Launch'),
  };
}

function launching({ facts }: FleetContext) {
  return { AutoScalingGroupName: facts.group, ScalingProcesses: ['Launch'] };
}
