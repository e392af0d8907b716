import type { FleetSettings } from './settings.ts';

type SlotSettings = Pick<FleetSettings, 'workerMemoryMiB' | 'workerCpu' | 'workerTasks'>;

/**
 * What a fleet says of its slots, as lines of a drop-in for `mayfly-slot@.service` (systemd.resource-control(5)). None
 * where it says nothing: the unit's own settings hold then.
 */
export function slotSettings({ workerMemoryMiB, workerCpu, workerTasks }: SlotSettings): string[] {
  const lines: string[] = [];
  // Swap would let a worker go on beyond its limit, at the cost of the whole instance.
  if (workerMemoryMiB !== undefined) lines.push(`MemoryMax=${workerMemoryMiB}M`, 'MemorySwapMax=0');
  if (workerCpu !== undefined) lines.push(`CPUQuota=${Math.round(workerCpu * 100)}%`);
  if (workerTasks !== undefined) lines.push(`TasksMax=${workerTasks}`);
  return lines.length === 0 ? [] : ['[Service]', ...lines];
}
