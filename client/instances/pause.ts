import { ResumeProcessesCommand, SuspendProcessesCommand } from '@aws-sdk/client-auto-scaling';
import { readFleetState, updateFleetState } from '../../store/fleet-state.ts';
import type { FleetContext } from '../context.ts';
import { readGroup } from './group-state.ts';

/** Result of `pause`. */
export interface Paused {
  /** Since when the fleet is paused, ISO 8601. */
  pausedAt: string;
  /** It was paused before this call. */
  alreadyPaused: boolean;
}

/**
 * Pauses a fleet: no instance is launched, agents receive no new jobs from the time they learn of it (they ask at least
 * once a minute), and idle instances terminate. Jobs stay in the queue. Can be repeated.
 */
export async function pauseFleet(context: FleetContext): Promise<Paused> {
  const { clients, facts, clock } = context;
  const { pausedAtMs: before } = await readFleetState(clients.dynamodb, facts.table);
  const pausedAtMs = before ?? clock.now();
  // This is the pause. If the next call fails, the keeper suspends the launches.
  await updateFleetState(clients.dynamodb, facts.table, { pausedAtMs });
  await clients.autoScaling.send(new SuspendProcessesCommand(launching(context)));
  return { pausedAt: new Date(pausedAtMs).toISOString(), alreadyPaused: before !== undefined };
}

/**
 * Result of `resume`: what prevented launches before. If nothing did, both times are absent and `suspended` is false.
 */
export interface Resumed {
  /** Since when it was paused, ISO 8601. */
  pausedAt?: string;
  /** Since when its boot breaker was open, ISO 8601. */
  trippedAt?: string;
  /** The group's process `Launch` was suspended, by Mayfly or by an operator. */
  suspended: boolean;
}

/**
 * Ends a pause and closes an open boot breaker: launches go on, and earlier failed boots are not counted any more. Can
 * be repeated, and has no effect on a fleet that is not paused.
 */
export async function resumeFleet(context: FleetContext): Promise<Resumed> {
  const { clients, facts, clock } = context;
  const [state, group] = await Promise.all([
    readFleetState(clients.dynamodb, facts.table),
    readGroup(context),
  ]);
  // Before the launches are resumed: the keeper suspends those of a paused fleet.
  await updateFleetState(clients.dynamodb, facts.table, {
    pausedAtMs: undefined,
    trippedAtMs: undefined,
    // Rounded up by the clock's error: if it were too early, an earlier failed boot would be counted.
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
