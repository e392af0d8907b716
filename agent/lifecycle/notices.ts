import * as v from 'valibot';
import type { Metadata } from '../../aws/metadata.ts';

/** What AWS announces about the future of an instance. */
export interface Notices {
  /** The target lifecycle state: `InService`, `Terminated`, ... */
  targetState?: string;
  /** When EC2 will interrupt this Spot instance, epoch milliseconds. */
  interruptedAtMs?: number;
  rebalanceRecommended?: boolean;
}

const ActionSchema = v.object({ time: v.string() });

/**
 * Reads the notices once. Each path answers 404 while there is no notice ("Retrieve the target lifecycle state through
 * instance metadata", "Spot Instance interruption notices", "EC2 instance rebalance recommendations").
 */
export async function readNotices(metadata: Metadata, spot: boolean): Promise<Notices> {
  const [targetState, action, rebalance] = await Promise.all([
    metadata.get('meta-data/autoscaling/target-lifecycle-state'),
    spot ? metadata.get('meta-data/spot/instance-action') : undefined,
    spot ? metadata.get('meta-data/events/recommendations/rebalance') : undefined,
  ]);
  const interruptedAtMs = action === undefined ? undefined : parseInterruptionMs(action);
  return {
    ...(targetState !== undefined && { targetState: targetState.trim() }),
    ...(interruptedAtMs !== undefined && { interruptedAtMs }),
    ...(rebalance !== undefined && { rebalanceRecommended: true }),
  };
}

/** Parses `{"action": "terminate", "time": "2026-01-01T12:00:00Z"}`. A notice that cannot be read counts as due now. */
function parseInterruptionMs(json: string): number {
  try {
    const at = Date.parse(v.parse(ActionSchema, JSON.parse(json)).time);
    return Number.isNaN(at) ? 0 : at;
  } catch {
    return 0;
  }
}
