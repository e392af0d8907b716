import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';
import { readFleetState } from '../store/fleet-state.ts';
import { NotTracked } from './errors.ts';

/** What every function of the library works with. */
export interface FleetContext {
  facts: FleetFacts;
  /** Its stack has told of its parts. What somebody else has named, and is not there, may be named wrongly. */
  toldByStack?: boolean;
  clients: Clients;
  clock: Clock;
  /** 0 to 1, without 1: spreads repetitions over time. */
  random: () => number;
}

/**
 * AWS's time, milliseconds since the epoch. To be used where a time goes into the table, or is compared with what is
 * there, before any other call: while no answer has told the time it asks for one, whatever that says.
 */
export async function awsTime({ clients, facts, clock }: FleetContext): Promise<number> {
  if (clock.errorMs() === undefined) await readFleetState(clients.dynamodb, facts.table).catch(() => {});
  return clock.now();
}

/** Throws `NotTracked` for a fleet without records of jobs. */
export function needRecords({ fleet, trackJobs }: FleetFacts, verb: string): void {
  if (trackJobs) return;
  throw new NotTracked(
    `Fleet ${fleet} keeps no records of jobs (its prop trackJobs is false): there is nothing to ${verb}.`,
  );
}
