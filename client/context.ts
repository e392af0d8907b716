import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';
import { readFleetState } from '../store/fleet-state.ts';
import { NotTrackedError } from './errors.ts';

/** A fleet that was found, with the AWS clients that all functions of the library use. */
export interface FleetContext {
  /** Names of the fleet's resources, and its settings. */
  facts: FleetFacts;
  /**
   * The facts come from the SSM parameter that the stack wrote. Otherwise the user named the resources, and one that
   * does not exist may be misspelt.
   */
  isFromStack?: boolean;
  /** The AWS clients. `Fleet.close` closes them. */
  clients: Clients;
  /** Follows AWS's time, by the `Date` headers of its answers. */
  clock: Clock;
  /** Random number from 0 to below 1. Used to spread retries. */
  random: () => number;
}

/**
 * AWS's time, in epoch milliseconds. Use it where a time is written to the table or compared with a time there, before
 * any other call was made. If no answer has told the time yet, it makes a call to learn it.
 */
export async function awsTime({ clients, facts, clock }: FleetContext): Promise<number> {
  if (clock.errorMs() === undefined) await readFleetState(clients.dynamodb, facts.table).catch(() => {});
  return clock.now();
}

/** Throws `NotTrackedError` if the fleet keeps no job records. */
export function requireRecords({ fleet, trackJobs }: FleetFacts, verb: string): void {
  if (trackJobs) return;
  throw new NotTrackedError(
    `Fleet ${fleet} keeps no records of jobs (its prop trackJobs is false): there is nothing to ${verb}.`,
  );
}
