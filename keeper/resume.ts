import { ResumeProcessesCommand } from '@aws-sdk/client-auto-scaling';
import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import { remember } from './memory.ts';

/**
 * What an operator does once a fleet's boots are mended: launches go on, and the boots that failed before count no
 * more. Without harm on a fleet whose breaker did not trip.
 */
export async function resumeFleet(
  clients: Clients,
  fleet: { groupName: string; table: string },
  clock: Clock,
): Promise<void> {
  await remember(clients.dynamodb, fleet.table, { trippedAtMs: undefined, resumedAtMs: clock.now() });
  await clients.autoScaling.send(
    new ResumeProcessesCommand({ AutoScalingGroupName: fleet.groupName, ScalingProcesses: ['Launch'] }),
  );
}
