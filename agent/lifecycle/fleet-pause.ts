import { withTimeout } from '../../lib/with-timeout.ts';
import { readFleetState } from '../../store/fleet-state.ts';
import type { InstanceContext } from './instance-context.ts';

const CALL_MS = 5000;

/** Whether an operator has paused the fleet. Rejects if the table does not answer. */
export async function isFleetPaused({ clients, clock, config }: InstanceContext): Promise<boolean> {
  const { table } = config;
  if (table === undefined) return false;
  const { pausedAtMs } = await withTimeout(clock, CALL_MS, (signal) =>
    readFleetState(clients.dynamodb, table, signal),
  );
  return pausedAtMs !== undefined;
}
